// SPDX-License-Identifier: Apache-2.0
// From the first layout that had an ABI version to this one and back, with sockets that were connected before.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "bpf/datapath_fixture.hpp"
#include "kernel/counters.hpp"
#include "kernel/migration.hpp"
#include "kernel/pinned_maps.hpp"
#include "layouts/first_layout.hpp"

namespace meshd::kernel {
namespace {

using base::UniqueFd;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto service_address = "10.96.0.1";
constexpr std::uint16_t service_port = 80;

sockaddr_in address(const char* text, std::uint16_t port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(port);
    ::inet_pton(AF_INET, text, &made.sin_addr);
    return made;
}

std::uint16_t port_of(const UniqueFd& socket) {
    sockaddr_in here{};
    socklen_t size = sizeof here;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&here), &size);
    return ntohs(here.sin_port);
}

class MigrationTest : public DatapathTest {
protected:
    void SetUp() override {
        DatapathTest::SetUp();
        if (IsSkipped()) return;
        listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        auto here = address("127.0.0.1", 0);
        ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&here), sizeof here), 0);
        ASSERT_EQ(::listen(listener_.get(), 16), 0);
        layouts::pin_first_layout(pins_->top(), cgroup_directory_,
                                  {"web", service_address, service_port, "127.0.0.1", port_of(listener_)});
        home_ = own_cgroup();
        move_to(cgroup_directory_);
        old_links_ = programs("v1");
    }

    void TearDown() override {
        if (!home_.empty()) move_to(home_);
        DatapathTest::TearDown();
    }

    // Invalid: the connect failed.
    UniqueFd connect() {
        UniqueFd made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto there = address(service_address, service_port);
        if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) return {};
        sockets_.push_back(made.get());
        return made;
    }

    static std::string peer_of(const UniqueFd& socket) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        if (::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&peer), &size) != 0) return std::strerror(errno);
        char text[INET_ADDRSTRLEN];
        ::inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
        return std::string(text) + ":" + std::to_string(ntohs(peer.sin_port));
    }

    SocketWalk walk() {
        return [this](const VisitSocket& visit) {
            for (const int descriptor : sockets_) visit(descriptor);
        };
    }

    base::Result<Datapath> take_over() {
        return Datapath::load(*pins_, {.services = 64, .frontends = 64, .backends = 64, .tracks = 1, .device_flows = 1}, false, 0,
                              walk());
    }

    // By name of the pin: id of the program that is on it.
    std::map<std::string, std::uint32_t> programs(const std::string& version) {
        std::map<std::string, std::uint32_t> all;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(pins_->top() + "/" + version + "/links", error)) {
            const UniqueFd link(::bpf_obj_get(entry.path().c_str()));
            bpf_link_info info{};
            __u32 size = sizeof info;
            EXPECT_EQ(::bpf_obj_get_info_by_fd(link.get(), &info, &size), 0);
            all[entry.path().filename()] = info.prog_id;
        }
        return all;
    }

    // "v1", "v2", and of what is aside "meshd-v1".
    std::vector<std::string> versions() {
        std::vector<std::string> all;
        for (const auto& entry : std::filesystem::directory_iterator(pins_->top())) all.push_back(entry.path().filename());
        for (const auto version : pins_->versions_aside()) all.push_back(std::filesystem::path(pins_->aside(version)).filename());
        return all;
    }

    std::string home_;
    UniqueFd listener_;
    std::vector<int> sockets_;
    std::map<std::string, std::uint32_t> old_links_;
};

constexpr auto service_text = "10.96.0.1:80";

TEST_F(MigrationTest, CarriesWhatTheFirstLayoutHolds) {
    const auto before = connect();
    ASSERT_EQ(peer_of(before), service_text);
    auto datapath = take_over();
    ASSERT_TRUE(datapath) << datapath.error().message();
    EXPECT_TRUE(datapath->adopted());
    EXPECT_FALSE(datapath->must_fill_before_attach());
    EXPECT_EQ(programs("v1"), old_links_) << "nothing is replaced before attach()";
    const auto between = connect();
    ASSERT_TRUE(datapath->attach(*Cgroup::open(cgroup_directory_)));
    const auto migrated = datapath->finish_migration();
    ASSERT_TRUE(migrated) << migrated.error().message();
    ASSERT_TRUE(*migrated);
    EXPECT_EQ((*migrated)->from, 1);
    std::vector<std::string> carried;
    for (const auto& one : (*migrated)->maps) carried.push_back(one.map);
    EXPECT_THAT(carried, ElementsAre("md_sock_peer", "md_tables"));
    EXPECT_THAT(versions(), ElementsAre("v2", "meshd-v1"));

    EXPECT_EQ(peer_of(before), service_text);
    EXPECT_EQ(peer_of(between), service_text) << "it connected after the first pass";
    const auto after = connect();
    EXPECT_EQ(peer_of(after), service_text);
    for (const auto& program : datapath->programs()) EXPECT_TRUE(program.attached) << program.name;

    KernelMaps maps(*datapath);
    const auto state = maps.read();
    ASSERT_TRUE(state) << state.error().message();
    const auto id = state->id_of({"web", service_port, base::Protocol::tcp});
    ASSERT_EQ(id, layouts::first_service_id);
    const auto& table = state->find(*id)->table;
    ASSERT_EQ(table.size(), 1U);
    EXPECT_EQ(table.front().backend_id, layouts::first_backend_id);
    EXPECT_EQ(ntohs(table.front().backend.port), port_of(listener_));
    EXPECT_EQ(table.front().table.slots_v4, 1U);
    ASSERT_TRUE(maps.complete(*state));
    md_vitals vitals{};
    EXPECT_TRUE(*datapath->map("md_vitals").lookup(&layouts::first_backend_id, &vitals)) << "the first layout had none";
    std::vector<md_connects> connects(possible_cpus());
    const md_connects_key key{layouts::first_service_id, layouts::first_backend_id};
    ASSERT_TRUE(*datapath->map("md_connects").lookup(&key, connects.data()));
    for (std::size_t cpu = 0; cpu < connects.size(); ++cpu) EXPECT_EQ(connects[cpu].datagrams, 10 + cpu);
}

TEST_F(MigrationTest, LeavesTheOldOneAtWorkWhenItIsGivenUp) {
    const auto before = connect();
    {
        auto datapath = take_over();
        ASSERT_TRUE(datapath) << datapath.error().message();
        ASSERT_TRUE(datapath->attach(*Cgroup::open(cgroup_directory_)));
        EXPECT_NE(programs("v1"), old_links_);
    }
    EXPECT_EQ(programs("v1"), old_links_);
    EXPECT_THAT(versions(), ElementsAre("v1"));
    EXPECT_EQ(peer_of(before), service_text);
    EXPECT_EQ(peer_of(connect()), service_text);
}

// As by SIGKILL: nothing is taken back, for `ended` is never destroyed, and the next one finds what was made so far.
TEST_F(MigrationTest, GoesOnWhereItWasEnded) {
    const auto before = connect();
    auto* const ended = new base::Result<Datapath>(take_over());
    ASSERT_TRUE(*ended) << ended->error().message();
    ASSERT_TRUE((*ended)->attach(*Cgroup::open(cgroup_directory_)));
    EXPECT_THAT(versions(), ElementsAre("v1", "meshd-v2"));
    EXPECT_EQ(peer_of(connect()), service_text);

    pins_.emplace(directory_);
    auto datapath = take_over();
    ASSERT_TRUE(datapath) << datapath.error().message();
    ASSERT_TRUE(datapath->attach(*Cgroup::open(cgroup_directory_)));
    ASSERT_TRUE(datapath->finish_migration());
    EXPECT_THAT(versions(), ElementsAre("v2", "meshd-v1"));
    EXPECT_EQ(peer_of(before), service_text);
    EXPECT_EQ(peer_of(connect()), service_text);
}

TEST_F(MigrationTest, RollsBack) {
    const auto before = connect();
    UniqueFd after;
    {
        auto datapath = take_over();
        ASSERT_TRUE(datapath) << datapath.error().message();
        ASSERT_TRUE(datapath->attach(*Cgroup::open(cgroup_directory_)));
        ASSERT_TRUE(datapath->finish_migration());
        after = connect();
        // What changed since goes back, too.
        ASSERT_TRUE(datapath->map("md_sock_peer").erase(&sockets_.front()));
    }
    EXPECT_EQ(previous_version(*pins_), 1);
    EXPECT_TRUE(is_shared_with_previous(*pins_, "md_backends"));
    EXPECT_FALSE(is_shared_with_previous(*pins_, "md_tables"));
    EXPECT_FALSE(is_shared_with_previous(*pins_, "md_sockets")) << "the first layout had none";
    const auto back = roll_back(*pins_, walk());
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->version, 1);
    EXPECT_THAT(versions(), ElementsAre("v1"));
    EXPECT_EQ(programs("v1"), old_links_);
    EXPECT_EQ(peer_of(after), service_text) << "it connected to the newer version";
    EXPECT_EQ(peer_of(connect()), service_text);
    const UniqueFd tables(::bpf_obj_get((pins_->top() + "/v1/maps/md_tables").c_str()));
    std::uint32_t inner = 0;
    ASSERT_EQ(::bpf_map_lookup_elem(tables.get(), &layouts::first_service_id, &inner), 0);

    const auto again = roll_back(*pins_, walk());
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message(), HasSubstr("no older version was taken over"));
    // And forth once more.
    auto datapath = take_over();
    ASSERT_TRUE(datapath) << datapath.error().message();
    ASSERT_TRUE(datapath->attach(*Cgroup::open(cgroup_directory_)));
    ASSERT_TRUE(datapath->finish_migration());
    EXPECT_EQ(peer_of(after), service_text);
    EXPECT_EQ(peer_of(before), service_text);
}

TEST_F(MigrationTest, TellsBeforehandWhatItWouldDoAndTouchesNothing) {
    const auto rehearsed = rehearse(*pins_);
    ASSERT_TRUE(rehearsed) << rehearsed.error().message();
    EXPECT_THAT(*rehearsed, testing::UnorderedElementsAre("md_sock_peer", "md_tables"));
    EXPECT_THAT(versions(), ElementsAre("v1"));
    EXPECT_EQ(programs("v1"), old_links_);
}

TEST_F(MigrationTest, RefusesAMapThatNobodyCanReadAndTouchesNothing) {
    const auto pin = pins_->top() + "/v1/maps/md_backends";
    ASSERT_EQ(::unlink(pin.c_str()), 0);
    const UniqueFd unknown(::bpf_map_create(BPF_MAP_TYPE_HASH, "md_backends", 4, 12, 8, nullptr));
    ASSERT_EQ(::bpf_obj_pin(unknown.get(), pin.c_str()), 0);
    const auto datapath = take_over();
    ASSERT_FALSE(datapath);
    EXPECT_THAT(datapath.error().message(), HasSubstr("md_backends"));
    EXPECT_THAT(datapath.error().message(), HasSubstr("no types (BTF)"));
    EXPECT_THAT(datapath.error().message(), HasSubstr("meshd --unload"));
    EXPECT_THAT(versions(), ElementsAre("v1"));
    EXPECT_EQ(programs("v1"), old_links_);
    EXPECT_EQ(peer_of(connect()), service_text);
}

TEST_F(MigrationTest, RefusesADirectoryOfNoVersion) {
    ASSERT_TRUE(std::filesystem::create_directory(pins_->top() + "/mine"));
    const auto datapath = take_over();
    ASSERT_FALSE(datapath);
    EXPECT_THAT(datapath.error().message(), HasSubstr("mine"));
    std::filesystem::remove(pins_->top() + "/mine");
}

}  // namespace
}  // namespace meshd::kernel
