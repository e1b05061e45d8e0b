// SPDX-License-Identifier: Apache-2.0
#include "flows/traffic.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "flows/cgroup_names.hpp"

namespace meshd::flows {
namespace {

namespace json = boost::json;

BackendTraffic traffic(std::uint64_t opened) {
    BackendTraffic made;
    made.counted.opened = made.counted.closed = opened;
    made.counted.times[MD_TIMING_CONNECT].buckets[2] = opened;
    return made;
}

// Service 1 with backend 11; 12 has gone and is not retired yet.
struct Known {
    Names names;
    Totals totals;
    Known() {
        names.services.emplace(1, reconcile::PortKey{"web", 80, base::Protocol::tcp});
        names.backends.emplace(11, reconcile::encode({*base::IpAddress::parse("10.0.0.1"), 80}, base::Protocol::tcp));
        totals.backends[{1, 11}] = traffic(3);
        totals.backends[{1, 12}] = traffic(4);
    }
    [[nodiscard]] json::object service() const { return totals_json(totals, names).at("services").at(0).as_object(); }
    [[nodiscard]] std::uint64_t opened() const { return service().at("opened").to_number<std::uint64_t>(); }
    [[nodiscard]] std::uint64_t timed() const { return service().at("connect").at("count").to_number<std::uint64_t>(); }
};

TEST(Totals, OfAServiceCountABackendThatHasGone) {
    Known known;
    EXPECT_EQ(known.opened(), 7U);
    EXPECT_EQ(known.timed(), 7U);
    EXPECT_EQ(known.service().at("backends").as_array().size(), 1U) << "nobody knows its name";
}

TEST(Totals, OfAServiceStayWhenItIsRetired) {
    Known known;
    known.totals.backends.erase({1, 12});
    known.totals.backends[{1, gone_backends}] = traffic(4);
    EXPECT_EQ(known.opened(), 7U);
    EXPECT_EQ(known.timed(), 7U);
    EXPECT_EQ(known.service().at("backends").at(1).at("backend"), "gone");
}

TEST(Totals, LeaveServicesOutThatHaveGone) {
    Known known;
    known.names.services.clear();
    EXPECT_TRUE(totals_json(known.totals, known.names).at("services").as_array().empty());
}

class CgroupNamesTest : public testing::Test {
protected:
    void SetUp() override {
        root_ = testing::TempDir() + "cgroups." + std::to_string(::getpid());
        std::filesystem::create_directories(root_ + "/a/b/c");
        std::filesystem::create_directory_symlink(root_, root_ + "/a/round");
        std::ofstream(root_ + "/a/file") << "no cgroup";
    }
    void TearDown() override { std::filesystem::remove_all(root_); }
    static std::uint64_t id_of(const std::string& path) {
        struct stat status {};
        return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
    }
    std::string root_;
};

TEST_F(CgroupNamesTest, NamesDirectoriesAtAnyDepth) {
    CgroupNames names(root_);
    EXPECT_EQ(names.path_of(id_of(root_)), "/");
    EXPECT_EQ(names.path_of(id_of(root_ + "/a")), "/a");
    EXPECT_EQ(names.path_of(id_of(root_ + "/a/b/c")), "/a/b/c");
    EXPECT_EQ(names.path_of(id_of(root_ + "/a/file")), "");
}

}  // namespace
}  // namespace meshd::flows
