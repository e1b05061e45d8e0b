// SPDX-License-Identifier: Apache-2.0
#include "config/server_access_reader.hpp"

#include <fmt/format.h>

#include "config/host_names.hpp"
#include "config/system_names.hpp"

namespace meshd::config {

namespace {

constexpr std::string_view url_expected = "an address such as http://127.0.0.1:8500, without a path";
constexpr std::size_t max_url = 300;

bool is_server_url(std::string_view text) {
    for (const std::string_view scheme : {"https://", "http://"})
        if (text.starts_with(scheme)) return text.size() <= max_url && is_authority(text.substr(scheme.size()));
    return false;
}

void refuse_lonely(Document& document, const MappingReader& object, std::string_view key, std::string_view other) {
    if (object.has(key) && !object.has(other))
        document.refuse(object.find(key).mark(), fmt::format("\"{}\" needs the key \"{}\" beside it", key, other));
}

}  // namespace

std::string read_server_url(Document& document, Value value, std::string_view label) {
    auto text = read_text(document, value, label, url_expected);
    if (!text) return {};
    if (text->ends_with('/')) text->remove_suffix(1);
    if (is_server_url(*text)) return std::string(*text);
    refuse_value(document, value, label, url_expected,
                 text->find("://") == std::string_view::npos ? "write http:// or https:// before it" : "");
    return {};
}

void read_server_access(Document& document, const MappingReader& object, bool is_https, model::ServerAccess& result) {
    read_path(document, object, "token_file", result.token_file);
    if (!is_https)
        for (const std::string_view key : {"ca", "certificate", "key", "server_name"})
            if (object.has(key))
                document.refuse(object.find(key).mark(),
                                fmt::format("\"{}\" is for https, and the server is asked over http", key),
                                "write https:// or remove the key");
    read_path(document, object, "ca", result.ca);
    read_path(document, object, "certificate", result.certificate);
    read_path(document, object, "key", result.key);
    refuse_lonely(document, object, "certificate", "key");
    refuse_lonely(document, object, "key", "certificate");
    if (object.text("server_name", result.server_name) && !is_dns_name(result.server_name))
        refuse_value(document, object.find("server_name"), "\"server_name\"", "the name of a host");
}

}  // namespace meshd::config
