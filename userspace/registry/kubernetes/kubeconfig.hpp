// SPDX-License-Identifier: Apache-2.0
// A kubeconfig file: where the API server is, and what shows it who asks. Pure; the files that it names are read elsewhere.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace meshd::registry::kubernetes {

// A file, or what such a file would hold.
struct FileOrText {
    std::string file;  // absolute, or relative to the working directory when the kubeconfig's own path is
    std::string text;

    [[nodiscard]] bool given() const { return !file.empty() || !text.empty(); }
};

struct KubeConfig {
    std::string server;       // http(s)://HOST[:PORT][/PATH], without a slash at its end
    std::string server_name;  // that its certificate must have; empty: the host
    FileOrText authority;
    FileOrText certificate;
    FileOrText key;
    FileOrText token;
};

// `context` empty: the current one. Ways to log in that would run a program or believe any server are refused.
base::Result<KubeConfig> parse_kubeconfig(std::string_view text, const std::string& path, const std::string& context);

}  // namespace meshd::registry::kubernetes
