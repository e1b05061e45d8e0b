// SPDX-License-Identifier: Apache-2.0
#include "archive.hpp"

#include <ctime>
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace meshd::meshctl {

namespace {

constexpr mode_t for_owner = 0600;

struct FreeArchive {
    void operator()(archive* one) const { ::archive_write_free(one); }
};
struct FreeEntry {
    void operator()(archive_entry* one) const { ::archive_entry_free(one); }
};

bool add(archive* out, const ArchiveMember& member, std::time_t now) {
    const std::unique_ptr<archive_entry, FreeEntry> entry(::archive_entry_new());
    ::archive_entry_set_pathname(entry.get(), member.name.c_str());
    ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(member.content.size()));
    ::archive_entry_set_filetype(entry.get(), AE_IFREG);
    ::archive_entry_set_perm(entry.get(), for_owner);
    ::archive_entry_set_mtime(entry.get(), now, 0);
    return ::archive_write_header(out, entry.get()) == ARCHIVE_OK &&
           ::archive_write_data(out, member.content.data(), member.content.size()) ==
               static_cast<la_ssize_t>(member.content.size());
}

bool write_all(archive* out, int file, const std::vector<ArchiveMember>& members) {
    if (::archive_write_add_filter_gzip(out) != ARCHIVE_OK || ::archive_write_set_format_pax_restricted(out) != ARCHIVE_OK ||
        ::archive_write_open_fd(out, file) != ARCHIVE_OK)
        return false;
    const auto now = std::time(nullptr);
    for (const auto& member : members)
        if (!add(out, member, now)) return false;
    return ::archive_write_close(out) == ARCHIVE_OK;
}

}  // namespace

base::Result<void> write_archive(const std::string& path, const std::vector<ArchiveMember>& members) {
    const base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, for_owner));
    if (!file.valid()) return base::fail_errno("make", path, "name a file that is not there yet, in a directory of yours");
    const std::unique_ptr<archive, FreeArchive> out(::archive_write_new());
    if (write_all(out.get(), file.get(), members)) return {};
    const auto* const why = ::archive_error_string(out.get());
    ::unlink(path.c_str());
    return base::fail({"write", path, 0, why != nullptr ? why : "out of memory", "is there room?"});
}

}  // namespace meshd::meshctl
