// SPDX-License-Identifier: Apache-2.0
// A hierarchy of directories stands for one of cgroups: both are known by their inodes.
#include "steering/identities.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "steering/pod_cgroups.hpp"

namespace meshd::steering {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

class IdentitiesTest : public testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/meshd-identities-XXXXXX";
        top_ = ::mkdtemp(name);
        make("/system.slice/web.service");
        make("/shop.slice/till");
        identities_.emplace(top_ + "/cgroup");
    }
    void TearDown() override { fs::remove_all(top_); }

    void make(const std::string& path) const { fs::create_directories(top_ + "/cgroup" + path); }
    void remove(const std::string& path) const { fs::remove_all(top_ + "/cgroup" + path); }
    std::uint64_t id(const std::string& path) const {
        struct stat found {};
        EXPECT_EQ(::stat((top_ + "/cgroup" + path).c_str(), &found), 0) << path;
        return found.st_ino;
    }
    // A process as /proc shows it.
    void process(int pid, const std::string& cgroup, unsigned user) const {
        const auto directory = top_ + "/proc/" + std::to_string(pid);
        fs::create_directories(directory);
        std::ofstream(directory + "/cgroup") << "1:name=systemd:/elsewhere\n0::" << cgroup << "\n";
        std::ofstream(directory + "/status") << "Name:\tx\nUid:\t0\t0\t0\t" << user << "\n";
    }
    ProcessIdentity of(int pid) const { return *identities_->of_process(pid, top_ + "/proc"); }

    static model::WorkloadIdentity workload(const char* name, const char* path) { return {name, path, {}, {}, {}}; }
    static model::WorkloadIdentity unit(const char* name, const char* unit) { return {name, {}, unit, {}, {}}; }
    static model::WorkloadIdentity user(const char* name, const char* user) { return {name, {}, {}, user, {}}; }

    std::string top_;
    std::optional<Identities> identities_;
};

TEST_F(IdentitiesTest, NameCgroupsByPathAndUnitsWhereverTheyAre) {
    make("/user.slice/user@1.service/web.service");
    identities_->set({workload("shop", "/shop.slice"), unit("web", "web.service"), workload("gone", "/gone")});
    const auto& all = identities_->all();
    EXPECT_THAT(all[0].cgroups, ElementsAre(Pair(id("/shop.slice"), "/shop.slice")));
    EXPECT_THAT(all[1].cgroups, UnorderedElementsAre(Pair(id("/system.slice/web.service"), "/system.slice/web.service"),
                                                     Pair(id("/user.slice/user@1.service/web.service"),
                                                          "/user.slice/user@1.service/web.service")));
    EXPECT_TRUE(all[2].names_nothing());
    EXPECT_EQ(identities_->entries().size(), 3U);
}

TEST_F(IdentitiesTest, NameUsersByNameAndNumber) {
    identities_->set({user("root", "root"), user("other", "4711"), user("nobody", "no-such-user")});
    EXPECT_EQ(identities_->all()[0].user, 0U);
    EXPECT_EQ(identities_->all()[1].user, 4711U);
    EXPECT_TRUE(identities_->all()[2].names_nothing());
    const auto entries = identities_->entries();
    EXPECT_EQ(entries.at(md_identity_key{4711, MD_IDENTITY_USER, 0}), model::identity_number("other"));
}

TEST_F(IdentitiesTest, FindAUnitThatIsStartedAgain) {
    make("/user.slice/web.service");
    identities_->set({unit("web", "web.service")});
    EXPECT_FALSE(identities_->look_again());
    remove("/system.slice/web.service");
    remove("/user.slice/web.service");
    EXPECT_TRUE(identities_->look_again());
    EXPECT_THAT(identities_->all()[0].cgroups, IsEmpty());
    make("/user.slice/web.service");
    EXPECT_TRUE(identities_->look_again()) << "where it was before";
    make("/system.slice/web.service");
    EXPECT_TRUE(identities_->look_again()) << "where units of the system are";
    EXPECT_EQ(identities_->all()[0].cgroups.size(), 2U);
    make("/other.slice/web.service");
    EXPECT_FALSE(identities_->look_again());
    identities_->look_everywhere();
    EXPECT_EQ(identities_->all()[0].cgroups.size(), 3U);
}

TEST_F(IdentitiesTest, TellWhoseIdentityAProcessHas) {
    identities_->set({workload("shop", "/shop.slice"), workload("till", "/shop.slice/till"), user("clerk", "4711")});
    process(1, "/shop.slice/till", 4711);
    process(2, "/shop.slice/other/deep", 4711);
    process(3, "/", 4711);
    process(4, "/system.slice", 0);
    EXPECT_EQ(of(1).name, "till");
    EXPECT_EQ(of(2).name, "shop");
    EXPECT_EQ(of(2).cgroup, "/shop.slice");
    EXPECT_EQ(of(2).process_cgroup, "/shop.slice/other/deep");
    EXPECT_EQ(of(3).name, "clerk");
    EXPECT_EQ(of(3).user, "4711");
    EXPECT_EQ(of(3).cgroup, "");
    EXPECT_EQ(of(4).name, "");
    EXPECT_FALSE(identities_->of_process(5, top_ + "/proc"));
}

// ---- Pods ----

constexpr const char* uid = "6fe2a1b4-0000-4000-8000-00000000000a";
constexpr const char* other_uid = "6fe2a1b4-0000-4000-8000-00000000000b";

model::WorkloadIdentity pods(const char* name, std::vector<std::string> uids) {
    model::WorkloadIdentity made{name, {}, {}, {}, {}};
    made.pod.emplace();
    made.pods = std::move(uids);
    return made;
}

TEST(PodCgroups, AreWhereTheKubeletHasThem) {
    EXPECT_THAT(
        pod_cgroups("/", uid),
        ElementsAre("/kubepods.slice/kubepods-pod6fe2a1b4_0000_4000_8000_00000000000a.slice",
                    "/kubepods/pod6fe2a1b4-0000-4000-8000-00000000000a",
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6fe2a1b4_0000_4000_8000_00000000000a.slice",
                    "/kubepods/burstable/pod6fe2a1b4-0000-4000-8000-00000000000a",
                    "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod6fe2a1b4_0000_4000_8000_00000000000a.slice",
                    "/kubepods/besteffort/pod6fe2a1b4-0000-4000-8000-00000000000a"));
    EXPECT_THAT(all_pods_cgroups("/kubelet.slice"),
                ElementsAre("/kubelet.slice/kubelet-kubepods.slice", "/kubelet.slice/kubepods"));
    EXPECT_THAT(all_pods_cgroups("/a/b-c"), ElementsAre("/a.slice/a-b_c.slice/a-b_c-kubepods.slice", "/a/b-c/kubepods"));
}

TEST(PodCgroups, AreNoneForWhatIsNoUid) {
    EXPECT_THAT(pod_cgroups("/", "../../system.slice/sshd.service"), IsEmpty());
    EXPECT_THAT(pod_cgroups("/", ""), IsEmpty());
}

TEST_F(IdentitiesTest, OfPodsAreThoseOfTheirCgroupsByEitherDriver) {
    const auto with_systemd = pod_cgroups("/", uid)[2], with_cgroupfs = pod_cgroups("/", other_uid)[3];
    make(with_systemd + "/cri-containerd-1.scope");
    make(with_cgroupfs);
    identities_->set({pods("web", {uid}), pods("till", {other_uid})}, {{"/"}, {}});
    EXPECT_THAT(identities_->all()[0].cgroups, ElementsAre(Pair(id(with_systemd), with_systemd)));
    EXPECT_THAT(identities_->all()[1].cgroups, ElementsAre(Pair(id(with_cgroupfs), with_cgroupfs)));
    process(7, with_systemd + "/cri-containerd-1.scope", 0);
    EXPECT_EQ(of(7).name, "web");
    EXPECT_EQ(of(7).cgroup, with_systemd);
}

TEST_F(IdentitiesTest, OfAPodThatIsNotKnownIsNobodys) {
    const auto known = pod_cgroups("/", uid)[3], unknown = pod_cgroups("/", other_uid)[3];
    make(known);
    make(unknown);
    identities_->set({pods("web", {})}, {{"/"}, {uid}});
    const auto entries = identities_->entries();
    const auto number = [&](const std::string& path) {
        const auto found = entries.find(md_identity_key{.value = id(path), .kind = MD_IDENTITY_CGROUP, .reserved = 0});
        return found == entries.end() ? 0 : found->second;
    };
    EXPECT_EQ(number(known), model::node_identity);
    EXPECT_EQ(number("/kubepods"), model::unknown_identity);
    EXPECT_EQ(number(unknown), 0U);  // what is above it counts
    process(7, unknown, 0);
    EXPECT_TRUE(of(7).is_unknown);
    process(8, known, 0);
    EXPECT_FALSE(of(8).is_unknown);
    EXPECT_EQ(of(8).name, "");
}

TEST_F(IdentitiesTest, OfPodsFollowWhatComesAndGoes) {
    identities_->set({pods("web", {uid})}, {{"/"}, {}});
    EXPECT_THAT(identities_->entries(), IsEmpty());
    const auto path = pod_cgroups("/", uid)[5];
    make(path);
    EXPECT_TRUE(identities_->look_again());
    EXPECT_EQ(identities_->entries().size(), 2U);
    EXPECT_FALSE(identities_->look_again());
    remove(path);
    EXPECT_TRUE(identities_->look_again());
    EXPECT_EQ(identities_->entries().size(), 1U);
}

TEST_F(IdentitiesTest, LeavePodsAloneWhenNoneAreNamed) {
    make(pod_cgroups("/", uid)[5]);
    identities_->set({workload("shop", "/shop.slice")});
    EXPECT_EQ(identities_->entries().size(), 1U);
}

}  // namespace
}  // namespace meshd::steering
