// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <gmock/gmock.h>

#include "bpf/datapath_fixture.hpp"
#include "kernel/directory_lock.hpp"
#include "kernel/pinned_maps.hpp"

namespace meshd::kernel {
namespace {

using testing::HasSubstr;

TEST_F(DatapathTest, LoadsAndAttachesEveryProgram) {
    auto datapath = load();
    const auto cgroup = Cgroup::open(cgroup_directory_);
    ASSERT_TRUE(cgroup);
    const auto attached = datapath.attach(*cgroup);
    ASSERT_TRUE(attached) << attached.error().message();
    EXPECT_EQ(datapath.programs().size(), 10U);
    for (const auto& program : datapath.programs()) EXPECT_TRUE(program.attached) << program.name;
}

// Most of an agent's start is the verifier's work: 767,000 instructions once, a third of that since. One more branch in a loop,
// or before a long function, may double it. The bounds have room for other compilers and kernels.
TEST_F(DatapathTest, AsksLittleOfTheVerifier) {
    const auto datapath = load();
    const auto verified = [&](const char* program) {
        bpf_prog_info info{};
        __u32 size = sizeof info;
        EXPECT_EQ(::bpf_obj_get_info_by_fd(datapath.program_fd(program), &info, &size), 0) << program;
        return info.verified_insns;
    };
    if (verified("md_connect4") == 0) GTEST_SKIP() << "this kernel does not tell (from Linux 5.16)";
    for (const auto* const program : {"md_connect4", "md_connect6", "md_sendmsg4", "md_sendmsg6", "md_sockops", "md_explain"})
        EXPECT_LT(verified(program), 60'000U) << program;
    for (const auto* const program : {"md_ingress", "md_egress"}) EXPECT_LT(verified(program), 110'000U) << program;
}

TEST_F(DatapathTest, TakesOverMapsAndLinksAndReplacesThePrograms) {
    std::uint32_t before = 0;
    {
        auto first = load();
        ASSERT_TRUE(first.attach(*Cgroup::open(cgroup_directory_)));
        EXPECT_FALSE(first.adopted());
        before = first.programs().front().id;
    }
    auto second = load();
    EXPECT_TRUE(second.adopted());
    EXPECT_FALSE(second.programs().front().attached) << "the first agent's program is still on the hook";
    ASSERT_TRUE(second.attach(*Cgroup::open(cgroup_directory_)));
    EXPECT_TRUE(second.programs().front().attached);
    EXPECT_NE(second.programs().front().id, before);
}

TEST_F(DatapathTest, AttachesAnewWhenTheCgroupWasRemoved) {
    auto datapath = load();
    ASSERT_TRUE(datapath.attach(*Cgroup::open(cgroup_directory_)));
    ASSERT_EQ(::rmdir(cgroup_directory_.c_str()), 0);
    std::filesystem::create_directory(cgroup_directory_);
    ASSERT_TRUE(datapath.attach(*Cgroup::open(cgroup_directory_)));
    for (const auto& program : datapath.programs()) EXPECT_TRUE(program.attached) << program.name;
}

TEST_F(DatapathTest, NamesTheProgramThatStandsInTheWay) {
    // The same program twice: once as a stranger, attached the exclusive way.
    auto datapath = load();
    const auto cgroup = Cgroup::open(cgroup_directory_);
    ASSERT_TRUE(cgroup);
    const base::UniqueFd program(::bpf_prog_get_fd_by_id(datapath.programs()[4].id));
    ASSERT_EQ(datapath.programs()[4].name, "md_connect4");
    ASSERT_EQ(::bpf_prog_attach(program.get(), cgroup->fd(), BPF_CGROUP_INET4_CONNECT, 0), 0);
    const auto attached = datapath.attach(*cgroup);
    ASSERT_FALSE(attached);
    EXPECT_THAT(attached.error().message(), HasSubstr("program 'md_connect4'"));
    EXPECT_THAT(attached.error().message(), HasSubstr("attached exclusively to " + cgroup_directory_));
    for (const auto& status : datapath.programs()) EXPECT_FALSE(status.attached) << status.name << " was left behind";
    ::bpf_prog_detach2(program.get(), cgroup->fd(), BPF_CGROUP_INET4_CONNECT);
}

TEST_F(DatapathTest, RefusesPinsOfAnotherVersion) {
    std::filesystem::create_directory(pins_->top() + "/v99");
    const auto loaded = Datapath::load(*pins_, {});
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error().message(), HasSubstr("ABI version v99"));
    EXPECT_THAT(loaded.error().message(), HasSubstr("meshd --unload"));
}

TEST_F(DatapathTest, RefusesAMapOfAnotherShapeAndNamesIt) {
    ASSERT_TRUE(pins_->make_version());
    const base::UniqueFd stranger(::bpf_map_create(BPF_MAP_TYPE_HASH, "md_services", 4, 8, 16, nullptr));
    ASSERT_EQ(::bpf_obj_pin(stranger.get(), pins_->map("md_services").c_str()), 0);
    const auto loaded = Datapath::load(*pins_, {});
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error().message(), HasSubstr(pins_->map("md_services")));
    EXPECT_THAT(loaded.error().message(), HasSubstr("value 8 bytes"));
}

// As an agent would have left it whose md_backend had `service_id` there, and its other fields under other names.
base::UniqueFd backends_with_service_id_at(std::size_t offset) {
    const std::unique_ptr<btf, decltype(&::btf__free)> types(::btf__new_empty(), &::btf__free);
    const int number = ::btf__add_int(types.get(), "unsigned int", 4, 0);
    const int record = ::btf__add_struct(types.get(), "md_backend", sizeof(md_backend));
    EXPECT_EQ(::btf__add_field(types.get(), "service_id", number, static_cast<__u32>(offset * 8), 0), 0);
    EXPECT_EQ(::btf__load_into_kernel(types.get()), 0);
    LIBBPF_OPTS(bpf_map_create_opts, options, .btf_fd = static_cast<__u32>(::btf__fd(types.get())),
                .btf_key_type_id = static_cast<__u32>(number), .btf_value_type_id = static_cast<__u32>(record),
                .map_flags = BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
    return base::UniqueFd(::bpf_map_create(BPF_MAP_TYPE_HASH, "md_backends", 4, sizeof(md_backend), 4096, &options));
}

TEST_F(DatapathTest, RefusesAMapThatIsAsLongAndHasItsFieldsElsewhere) {
    ASSERT_TRUE(pins_->make_version());
    const auto moved = backends_with_service_id_at(0);
    ASSERT_TRUE(moved.valid());
    ASSERT_EQ(::bpf_obj_pin(moved.get(), pins_->map("md_backends").c_str()), 0);
    const auto where = "md_backends: its field service_id has 4 bytes at 0, this agent's has 4 bytes at " +
                       std::to_string(offsetof(md_backend, service_id));
    const auto loaded = Datapath::load(*pins_, {.services = 1024, .frontends = 2048, .backends = 4096});
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error().message(), HasSubstr(where));
    const auto rehearsed = rehearse(*pins_);
    ASSERT_FALSE(rehearsed);
    EXPECT_THAT(rehearsed.error().message(), HasSubstr(where));
    EXPECT_TRUE(std::filesystem::exists(pins_->map("md_backends"))) << "the older agent could not go on with it";
}

TEST_F(DatapathTest, TakesOverAMapThatLacksFieldsOfOurs) {
    ASSERT_TRUE(pins_->make_version());
    const auto older = backends_with_service_id_at(offsetof(md_backend, service_id));
    ASSERT_TRUE(older.valid());
    ASSERT_EQ(::bpf_obj_pin(older.get(), pins_->map("md_backends").c_str()), 0);
    EXPECT_TRUE(load().adopted());
}

TEST_F(DatapathTest, RefusesMapsWhoseMetaNamesAnotherVersion) {
    {
        auto datapath = load();
        const __u32 zero = 0;
        md_meta meta{};
        meta.abi_version = 77;
        ASSERT_TRUE(datapath.map("md_meta").update(&zero, &meta));
    }
    const auto loaded = Datapath::load(*pins_, {});
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error().message(), HasSubstr("ABI version 77"));
}

TEST_F(DatapathTest, KeepsTheSizeOfMapsThatAreThere) {
    { auto datapath = load({.services = 100, .frontends = 100, .backends = 100}); }
    auto datapath = load({.services = 200, .frontends = 200, .backends = 200});
    EXPECT_EQ(datapath.map("md_services").info()->max_entries, 100U);
}

TEST_F(DatapathTest, TellsAProgramCannotWriteWhatTheAgentOwns) {
    auto datapath = load();
    for (const auto* name : {"md_frontends", "md_services", "md_backends", "md_meta"}) {
        bpf_map_info info{};
        __u32 size = sizeof info;
        ASSERT_EQ(::bpf_obj_get_info_by_fd(datapath.map(name).fd(), &info, &size), 0);
        EXPECT_NE(info.map_flags & BPF_F_RDONLY_PROG, 0U) << name;
    }
}

TEST_F(DatapathTest, IsLockedForOneAgentWhosePidIsNamed) {
    const auto first = DirectoryLock::take(pins_->top());
    ASSERT_TRUE(first);
    const auto second = DirectoryLock::take(pins_->top());
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message(), HasSubstr("pid " + std::to_string(::getpid())));
}

TEST_F(DatapathTest, LeavesNothingAfterRemovingAllPins) {
    {
        auto datapath = load();
        ASSERT_TRUE(datapath.attach(*Cgroup::open(cgroup_directory_)));
    }
    ASSERT_TRUE(*pins_->remove_all());
    EXPECT_FALSE(std::filesystem::exists(pins_->top()));
    const auto cgroup = Cgroup::open(cgroup_directory_);
    __u32 count = 8, flags = 0, ids[8];
    ASSERT_EQ(::bpf_prog_query(cgroup->fd(), BPF_CGROUP_INET4_CONNECT, 0, &flags, ids, &count), 0);
    EXPECT_EQ(count, 0U);
    EXPECT_FALSE(*pins_->remove_all());
}

}  // namespace
}  // namespace meshd::kernel
