// SPDX-License-Identifier: Apache-2.0
#include "sockets/descriptors.hpp"

#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <dirent.h>
#include <unistd.h>

namespace meshd::sockets {

namespace {

template <typename Number>
std::optional<Number> leading_number(std::string_view text) {
    Number number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{}) return std::nullopt;
    return number;
}

void for_each_number(const std::string& directory, const std::function<void(int)>& visit) {
    struct Close {
        void operator()(DIR* open) const { ::closedir(open); }
    };
    const std::unique_ptr<DIR, Close> open(::opendir(directory.c_str()));
    if (!open) return;
    while (const auto* const entry = ::readdir(open.get()))  // NOLINT(concurrency-mt-unsafe): a stream of this call
        if (const auto number = leading_number<int>(entry->d_name)) visit(*number);
}

}  // namespace

std::vector<pid_t> processes() {
    std::vector<pid_t> all;
    for_each_number("/proc", [&](int process) { all.push_back(process); });
    return all;
}

void for_each_socket(pid_t process, const std::function<void(int, std::uint32_t)>& visit) {
    constexpr std::string_view prefix = "socket:[";
    const auto directory = "/proc/" + std::to_string(process) + "/fd/";
    for_each_number(directory, [&](int descriptor) {
        std::array<char, 64> link{};
        const auto length = ::readlink((directory + std::to_string(descriptor)).c_str(), link.data(), link.size());
        const std::string_view text(link.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
        if (!text.starts_with(prefix)) return;
        if (const auto inode = leading_number<std::uint32_t>(text.substr(prefix.size()))) visit(descriptor, *inode);
    });
}

std::unordered_set<std::uint32_t> sockets_of(const std::vector<pid_t>& processes) {
    std::unordered_set<std::uint32_t> inodes;
    for (const auto process : processes) for_each_socket(process, [&](int, std::uint32_t inode) { inodes.insert(inode); });
    return inodes;
}

}  // namespace meshd::sockets
