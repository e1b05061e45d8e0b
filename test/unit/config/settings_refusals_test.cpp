// SPDX-License-Identifier: Apache-2.0
// What meshd.yaml may not say, and the exact words of each refusal.
#include <gtest/gtest.h>

#include "config/settings_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

const Refusal table[] = {
    {"UnknownKey", "run_dir: /run/meshd\n",
     "1:1: unknown key \"run_dir\" in the file, expected version, cgroup, bpffs, run_directory, state_directory, registry, "
     "worker, control, metrics, reconcile, log or limits"},
    {"UnknownKeyNearAnother", "cgruop: auto\n",
     "1:1: unknown key \"cgruop\" in the file, expected version, cgroup, bpffs, run_directory, state_directory, registry, "
     "worker, control, metrics, reconcile, log or limits; did you mean \"cgroup\"?"},
    {"UnknownKeyInASection", "registry:\n  files:\n    dir: /etc/meshd/services.d\n",
     "3:5: unknown key \"dir\" in \"files\", expected directory"},
    {"AnotherVersion", "version: 2\n", "1:10: \"version\" must be the number 1, found 2"},
    {"VersionInQuotes", "version: \"1\"\n", "1:10: \"version\" must be the number 1, found \"1\"; remove the quotes"},
    {"TopIsAList", "- cgroup: auto\n", "1:1: the file must be a mapping, found a list"},
    {"TopIsText", "meshd\n", "1:1: the file must be a mapping, found \"meshd\""},
    {"KeyTwice", "cgroup: auto\nbpffs: /sys/fs/bpf\ncgroup: /sys/fs/cgroup\n",
     "3:1: the key \"cgroup\" is given twice, first in line 1"},
    {"KeyTwiceInASection", "metrics:\n  enabled: true\n  enabled: false\n",
     "3:3: the key \"enabled\" is given twice, first in line 2"},
    {"RelativePath", "state_directory: var/lib/meshd\n",
     "1:18: \"state_directory\" must be an absolute path, found \"var/lib/meshd\""},
    {"EmptyPath", "bpffs: \"\"\n", "1:8: \"bpffs\" must be an absolute path, found \"\""},
    {"PathIsANumber", "bpffs: 17\n", "1:8: \"bpffs\" must be an absolute path, found 17"},
    {"PathIsAList", "state_directory: [/var/lib/meshd]\n", "1:18: \"state_directory\" must be an absolute path, found a list"},
    {"PathWithALineFeed", "state_directory: \"/var/lib\\nmeshd\"\n",
     "1:18: \"state_directory\" must be text in one line without control characters, found \"/var/lib?meshd\""},
    {"CgroupIsNeitherAutoNorAPath", "cgroup: automatic\n",
     "1:9: \"cgroup\" must be \"auto\" or an absolute path, found \"automatic\""},
    {"RunDirectoryTooLongForASocket", "run_directory: /run/" + std::string(90, 'x') + "\n",
     "1:16: \"run_directory\" must be a path of at most 94 bytes, found "
     "\"/run/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\""},
    {"SectionWithoutContent", "registry:\n",
     "1:1: \"registry\" must be a mapping, found nothing; remove the key or put something into it"},
    {"SectionIsText", "worker: meshd\n", "1:9: \"worker\" must be a mapping, found \"meshd\""},
    {"SectionIsAList", "log: [level]\n", "1:6: \"log\" must be a mapping, found a list"},
    {"UserIsANumber", "worker: {user: 1000}\n", "1:16: \"user\" must be the name of an account, found 1000"},
    {"UserWithASpace", "worker: {user: mesh d}\n", "1:16: \"user\" must be the name of an account, found \"mesh d\""},
    {"GroupIsEmpty", "control: {group: \"\"}\n", "1:18: \"group\" must be the name of an account, found \"\""},
    {"EnabledIsYes", "metrics:\n  enabled: yes\n", "2:12: \"enabled\" must be true or false, found \"yes\""},
    {"EnabledIsQuoted", "metrics:\n  enabled: \"true\"\n",
     "2:12: \"enabled\" must be true or false, found \"true\"; remove the quotes"},
    {"ListenWithoutAPort", "metrics:\n  listen: 127.0.0.1\n",
     "2:11: \"listen\" must be an address and a port such as 127.0.0.1:9707 or \"[::1]:9707\", found \"127.0.0.1\""},
    {"ListenWithAHostName", "metrics:\n  listen: localhost:9707\n",
     "2:11: \"listen\" must be an address and a port such as 127.0.0.1:9707 or \"[::1]:9707\", found \"localhost:9707\""},
    {"ListenPortTooLarge", "metrics:\n  listen: 127.0.0.1:70000\n",
     "2:11: \"listen\" must be an address and a port such as 127.0.0.1:9707 or \"[::1]:9707\", found \"127.0.0.1:70000\""},
    {"ListenIsANumber", "metrics: {listen: 9707}\n",
     "1:19: \"listen\" must be an address and a port such as 127.0.0.1:9707 or \"[::1]:9707\", found 9707"},
    {"IntervalWithoutAUnit", "reconcile:\n  interval: 60\n",
     "2:13: \"interval\" must be a time from 1s to 1h (units: ms, s, m, h), found 60"},
    {"IntervalTooShort", "reconcile:\n  interval: 500ms\n",
     "2:13: \"interval\" must be a time from 1s to 1h (units: ms, s, m, h), found \"500ms\""},
    {"IntervalTooLong", "reconcile:\n  interval: 2h\n",
     "2:13: \"interval\" must be a time from 1s to 1h (units: ms, s, m, h), found \"2h\""},
    {"IntervalOfAnotherUnit", "reconcile:\n  interval: 1d\n",
     "2:13: \"interval\" must be a time from 1s to 1h (units: ms, s, m, h), found \"1d\""},
    {"IntervalIsEmpty", "reconcile:\n  interval:\n",
     "2:3: \"interval\" must be a time from 1s to 1h (units: ms, s, m, h), found nothing"},
    {"UnknownLevel", "log:\n  level: warning\n", "2:10: \"level\" must be trace, debug, info, warn or error, found \"warning\""},
    {"LevelInCapitals", "log: {level: INFO}\n", "1:14: \"level\" must be trace, debug, info, warn or error, found \"INFO\""},
    {"LimitIsZero", "limits:\n  services: 0\n", "2:13: \"services\" must be a number from 1 to 1048576, found 0"},
    {"LimitTooLarge", "limits:\n  services: 1048577\n", "2:13: \"services\" must be a number from 1 to 1048576, found 1048577"},
    {"LimitIsNegative", "limits:\n  backends: -1\n", "2:13: \"backends\" must be a number from 1 to 4194304, found -1"},
    {"LimitIsAFraction", "limits:\n  frontends: 1.5\n", "2:14: \"frontends\" must be a number from 1 to 2097152, found 1.5"},
    {"LimitIsHexadecimal", "limits:\n  frontends: 0x1000\n",
     "2:14: \"frontends\" must be a number from 1 to 2097152, found 0x1000"},
    {"LimitBeyond64Bits", "limits:\n  frontends: 99999999999999999999\n",
     "2:14: \"frontends\" must be a number from 1 to 2097152, found 99999999999999999999"},
    {"LimitIsNothing", "limits:\n  frontends: null\n", "2:14: \"frontends\" must be a number from 1 to 2097152, found nothing"},
};

class SettingsRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(SettingsRefusal, SaysWhereWhatAndWhy) {
    const auto result = parse_settings(GetParam().text, "meshd.yaml");
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().message(), "cannot accept meshd.yaml:" + GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Table, SettingsRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
