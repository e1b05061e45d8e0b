// SPDX-License-Identifier: Apache-2.0
// The layout of all maps is the one that is written down for this ABI version: agents of one version take over from each other
// without a look at what the bytes mean.
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <fcntl.h>

#include "bpf/datapath_fixture.hpp"
#include "kernel/carry.hpp"

namespace meshd::kernel {
namespace {

constexpr auto golden = MESHD_GOLDEN_DIRECTORY "/layout.txt";

std::string said(const Map& map) {
    const auto open = OpenMap::of(base::UniqueFd(::fcntl(map.fd(), F_DUPFD_CLOEXEC, 0)), map.name());
    EXPECT_TRUE(open) << map.name();
    const auto& info = open->info;
    auto text = map.name() + ": type " + std::to_string(info.type) + ", key " + std::to_string(info.key_size) + ", value " +
                std::to_string(info.value_size);
    if (open->types == nullptr) return text + "\n";
    if (info.btf_key_type_id != 0) text += "\n  key   " + described(open->types.get(), info.btf_key_type_id);
    if (info.btf_value_type_id != 0) text += "\n  value " + described(open->types.get(), info.btf_value_type_id);
    return text + "\n";
}

class LayoutTest : public DatapathTest {};

TEST_F(LayoutTest, IsThatOfItsVersion) {
    if (!std::filesystem::exists(MESHD_GOLDEN_DIRECTORY)) GTEST_SKIP() << "not beside the sources";
    const auto datapath = load();
    auto text = "ABI version " + std::to_string(MD_ABI_VERSION) + "\n";
    for (const auto& map : datapath.maps()) text += said(map);
    const auto slots = datapath.make_slots({md_slot{}});
    ASSERT_TRUE(slots);
    text += said({slots->get(), "md_slots", sizeof(__u32), sizeof(md_slot)});
    const auto maglev = datapath.make_maglev({md_maglev{}});
    ASSERT_TRUE(maglev);
    text += said({maglev->get(), "md_maglev", sizeof(__u32), sizeof(md_maglev)});
    if (std::getenv("MESHD_UPDATE_GOLDEN") != nullptr)
        std::ofstream(golden) << text;  // NOLINT(concurrency-mt-unsafe): one thread
    std::stringstream wanted;
    wanted << std::ifstream(golden).rdbuf();
    EXPECT_EQ(text, wanted.str())
        << "raise MD_ABI_VERSION, register in migration.cpp what names of fields do not say, keep the layout that "
           "was released in test/layouts, then write this one down with MESHD_UPDATE_GOLDEN=1";
}

}  // namespace
}  // namespace meshd::kernel
