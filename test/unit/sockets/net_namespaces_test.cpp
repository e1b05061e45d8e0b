// SPDX-License-Identifier: Apache-2.0
#include "sockets/net_namespaces.hpp"

#include <gtest/gtest.h>

namespace meshd::sockets {
namespace {

TEST(NetNamespaces, AreNamedByTheirInode) {
    EXPECT_EQ(parse_net_inode("net:[4026531840]"), 4026531840U);
    for (const auto* const bad :
         {"", "net:[]", "net:[", "mnt:[4026531840]", "net:[4026531840", "net:[x]", "net:[-1]", "net:[1]x", "net:[1 ]"})
        EXPECT_EQ(parse_net_inode(bad), std::nullopt) << bad;
}

TEST(NetNamespaces, AreFoundByTheirMounts) {
    const auto found = parse_net_mount("612 27 0:4 net:[4026532281] /run/netns/blue\\040sky\\134x rw shared:4 - nsfs nsfs rw");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->inode, 4026532281U);
    EXPECT_EQ(found->path, "/run/netns/blue sky\\x");
}

TEST(NetNamespaces, AreNoOtherMounts) {
    for (const auto* const line :
         {"", "612", "27 1 8:1 / / rw,relatime - ext4 /dev/root rw", "1 2 0:4 mnt:[4026532281] /run/x rw - nsfs nsfs rw",
          "1 2 0:4 net:[4026532281]", "1 2 0:4 net:[4026532281] /run/x"})
        EXPECT_FALSE(parse_net_mount(line)) << line;
}

TEST(NetNamespaces, BeginWithOurOwnAndEndWhereTheyShall) {
    const auto all = net_namespaces(1000);
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all.front().path, "/proc/self/ns/net");
    for (std::size_t i = 1; i < all.size(); ++i) EXPECT_NE(all[i].inode, all.front().inode);
    EXPECT_EQ(net_namespaces(1).size(), 1U);
}

TEST(NetNamespaces, AreNotEnteredWhenTheyHaveGone) {
    bool entered = false;
    const auto work = [&]() -> base::Result<void> {
        entered = true;
        return {};
    };
    for (const auto& gone : {NetNamespace{1, "/proc/self/ns/net"}, NetNamespace{1, "/nonexistent"}}) {
        const auto inside_it = inside(gone, work);
        ASSERT_TRUE(inside_it) << inside_it.error().message();
        EXPECT_FALSE(*inside_it);
    }
    EXPECT_FALSE(entered);
}

}  // namespace
}  // namespace meshd::sockets
