// SPDX-License-Identifier: Apache-2.0
#include "sockets/net_namespaces.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <unordered_set>

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace meshd::sockets {

namespace {

constexpr auto own_path = "/proc/self/ns/net";

std::optional<std::uint64_t> inode_of(const std::string& link) {
    std::array<char, 64> text{};
    const auto length = ::readlink(link.c_str(), text.data(), text.size());
    if (length <= 0) return std::nullopt;
    return parse_net_inode({text.data(), static_cast<std::size_t>(length)});
}

// proc(5): space, tab, line feed and backslash stand as \ and three octal digits.
std::string unescaped(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned code = 0;
        const auto digits = text.substr(std::min(i + 1, text.size()), 3);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 8);
        if (text[i] == '\\' && digits.size() == 3 && error == std::errc{} && end == digits.data() + 3) {
            result += static_cast<char>(code);
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

}  // namespace

std::optional<std::uint64_t> parse_net_inode(std::string_view text) {
    if (!text.starts_with("net:[") || !text.ends_with("]")) return std::nullopt;
    text = text.substr(5, text.size() - 6);
    std::uint64_t inode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), inode);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return inode;
}

// proc(5): id, parent, device, root, mount point, and more. The root of a mount of a namespace is its name.
std::optional<NetNamespace> parse_net_mount(std::string_view line) {
    std::array<std::string_view, 5> fields;
    for (auto& field : fields) {
        const auto end = line.find(' ');
        if (end == std::string_view::npos) return std::nullopt;
        field = line.substr(0, end);
        line.remove_prefix(end + 1);
    }
    const auto inode = parse_net_inode(fields[3]);
    if (!inode) return std::nullopt;
    return NetNamespace{*inode, unescaped(fields[4])};
}

std::vector<NetNamespace> net_namespaces(std::size_t most) {
    std::vector<NetNamespace> found;
    std::unordered_set<std::uint64_t> seen;
    const auto add = [&](NetNamespace one) {
        if (found.size() < most && seen.insert(one.inode).second) found.push_back(std::move(one));
    };
    if (const auto own = inode_of(own_path)) add({*own, own_path});
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);)
        if (auto one = parse_net_mount(line)) add(std::move(*one));
    DIR* const processes = ::opendir("/proc");
    if (processes == nullptr) return found;
    while (const auto* const entry = ::readdir(processes)) {  // NOLINT(concurrency-mt-unsafe): a stream of this call
        if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) == 0) continue;
        auto path = "/proc/" + std::string(entry->d_name) + "/ns/net";
        if (const auto inode = inode_of(path)) add({*inode, std::move(path)});
    }
    ::closedir(processes);
    return found;
}

base::Result<bool> inside(const NetNamespace& where, const std::function<base::Result<void>()>& work) {
    const base::UniqueFd there(::open(where.path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!there.valid() || ::fstat(there.get(), &status) != 0 || status.st_ino != where.inode) return false;
    // Of the process, not of this thread: that one never leaves it.
    const base::UniqueFd back(::open(own_path, O_RDONLY | O_CLOEXEC));
    if (!back.valid()) return base::fail_errno("open", own_path);
    if (::setns(there.get(), CLONE_NEWNET) != 0) return base::fail_errno("enter network namespace", where.path);
    auto done = work();
    if (::setns(back.get(), CLONE_NEWNET) != 0) return base::fail_errno("come back to", "the agent's network namespace");
    if (!done) return tl::make_unexpected(done.error());
    return true;
}

}  // namespace meshd::sockets
