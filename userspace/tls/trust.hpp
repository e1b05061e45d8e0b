// SPDX-License-Identifier: Apache-2.0
// Whom a client of TLS believes: certificate authorities from files.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/error.hpp"

namespace meshd::tls {

class Trust;  // the authorities of one file, ready for handshakes

// A file is read once, and again when it was replaced. Everything on one thread.
class TrustStore {
public:
    // An empty path stands for what the system trusts. Connections that hold the Trust keep it.
    base::Result<std::shared_ptr<Trust>> of(const std::string& path);

private:
    // What tells a file from the one that took its place.
    struct Stamp {
        std::uint64_t inode = 0;
        std::int64_t size = 0;
        std::int64_t changed_ns = 0;
        bool operator==(const Stamp&) const = default;
    };
    struct Entry {
        Stamp stamp;
        std::shared_ptr<Trust> trust;
    };
    static base::Result<Stamp> stamp_of(const std::string& path);

    std::map<std::string, Entry> entries_;
};

}  // namespace meshd::tls
