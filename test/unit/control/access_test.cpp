// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "control/router.hpp"

namespace meshd::control {
namespace {

constexpr uid_t agent_uid = 900;
constexpr gid_t meshd_group = 901;

struct Row {
    const char* name;
    http::Peer peer;
    bool may_read;
    bool may_change;
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.name; }

class AccessTable : public testing::TestWithParam<Row> {};
TEST_P(AccessTable, Holds) {
    const Access access{agent_uid, meshd_group};
    EXPECT_EQ(access.may_read(GetParam().peer), GetParam().may_read);
    EXPECT_EQ(access.may_change(GetParam().peer), GetParam().may_change);
}
INSTANTIATE_TEST_SUITE_P(Table, AccessTable,
                         testing::Values(Row{"root", {1, 0, 0, {}}, true, true},  //
                                         Row{"the agent's own user", {1, agent_uid, 5, {}}, true, true},
                                         Row{"primary group", {1, 1000, meshd_group, {}}, true, false},
                                         Row{"supplementary group", {1, 1000, 1000, {4, meshd_group, 27}}, true, false},
                                         Row{"another user", {1, 1000, 1000, {4, 27}}, false, false},
                                         Row{"root's group without root", {1, 1000, 0, {0}}, false, false}));

TEST(Access, WithoutAGroupIsForRootAndTheAgentOnly) {
    const Access access{agent_uid, {}};
    EXPECT_FALSE(access.may_read({1, 1000, meshd_group, {meshd_group}}));
    EXPECT_TRUE(access.may_read({1, 0, 0, {}}));
}

}  // namespace
}  // namespace meshd::control
