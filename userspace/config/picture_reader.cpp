// SPDX-License-Identifier: Apache-2.0
#include "config/picture_reader.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "config/host_names.hpp"
#include "config/system_names.hpp"

namespace meshd::config {

namespace {

constexpr std::array<std::string_view, 3> picture_keys{"listen", "token_file", "hosts"};

// A browser sends the name in lower case, whatever its user typed.
bool is_host(std::string_view name) {
    return is_dns_name(name) && std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

void read_hosts(Document& document, const MappingReader& section, std::vector<std::string>& result) {
    constexpr std::string_view expected = "a name of this host in lower case such as node1.example.org, without a port";
    const auto list = section.find("hosts");
    if (!document.ok() || !list.exists() || !expect_list(document, list, "\"hosts\"", "names of this host")) return;
    if (list.size() > model::max_picture_hosts) {
        document.refuse(list.mark(), fmt::format("\"hosts\" must have at most {} names", model::max_picture_hosts));
        return;
    }
    for (const auto item : list) {
        const auto name = read_text(document, item, "a name", expected);
        if (!name) return;
        if (!is_host(*name)) {
            refuse_value(document, item, "a name", expected);
            return;
        }
        result.emplace_back(*name);
    }
}

}  // namespace

void read_picture(Document& document, const MappingReader& top, std::optional<model::PictureSettings>& result) {
    read_section(document, top, "picture", picture_keys, [&](const MappingReader& section) {
        auto& picture = result.emplace();
        read_listen(document, section, "listen", picture.listen,
                    "an address and a port such as 127.0.0.1:9708 or \"[::1]:9708\"");
        read_path(document, section, "token_file", picture.token_file);
        read_hosts(document, section, picture.hosts);
        if (document.ok() && picture.token_file.empty() && !model::is_loopback(picture.listen.address))
            document.refuse(section.find("listen").mark(),
                            "without a token the picture is served at addresses of 127.0.0.0/8 or at [::1] only, others reach " +
                                picture.listen.text(),
                            "name a file with a token in \"token_file\", or listen at 127.0.0.1");
    });
}

}  // namespace meshd::config
