// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <cerrno>

#include <gtest/gtest.h>

namespace meshd::base {
namespace {

TEST(Error, SaysWhatOnWhatWhyAndWhatToDo) {
    EXPECT_EQ((Error{"open", "/etc/x", ENOENT, {}, "make it"}.message()),
              "cannot open /etc/x: No such file or directory; make it");
    EXPECT_EQ((Error{"read", "a.yaml:3:1", 0, "expected a number", {}}.message()), "cannot read a.yaml:3:1: expected a number");
    EXPECT_EQ((Error{"attach", "x", EPERM, "y stands in the way", {}}.message()),
              "cannot attach x: y stands in the way (Operation not permitted)");
}

TEST(Error, TakesErrnoOfTheFailedCall) {
    errno = EACCES;
    const Result<int> result = fail_errno("open", "file");
    EXPECT_EQ(result.error().code, EACCES);
}

}  // namespace
}  // namespace meshd::base
