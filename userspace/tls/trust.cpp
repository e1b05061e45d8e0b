// SPDX-License-Identifier: Apache-2.0
#include "tls/trust.hpp"

#include <cerrno>

#include <openssl/ssl.h>
#include <sys/stat.h>

#include "tls/context.hpp"

namespace meshd::tls {

namespace ssl = boost::asio::ssl;

base::Result<TrustStore::Stamp> TrustStore::stamp_of(const std::string& path) {
    if (path.empty()) return Stamp{};
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return base::fail_errno("read authorities of", path);
    return Stamp{info.st_ino, info.st_size, std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

base::Result<std::shared_ptr<Trust>> TrustStore::of(const std::string& path) {
    const auto stamp = stamp_of(path);
    if (!stamp) return tl::make_unexpected(stamp.error());
    const auto found = entries_.find(path);
    if (found != entries_.end() && found->second.stamp == *stamp) return found->second.trust;

    auto trust = std::make_shared<Trust>();
    boost::system::error_code error;
    if (path.empty())
        trust->context.set_default_verify_paths(error);
    else
        trust->context.load_verify_file(path, error);
    if (error) return base::fail({"read authorities of", path.empty() ? "the system" : path, 0, error.message(), {}});
    trust->context.set_verify_mode(ssl::verify_peer, error);
    ::SSL_CTX_set_min_proto_version(trust->context.native_handle(), TLS1_2_VERSION);
    entries_[path] = {*stamp, trust};
    return trust;
}

}  // namespace meshd::tls
