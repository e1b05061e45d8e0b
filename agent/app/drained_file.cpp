// SPDX-License-Identifier: Apache-2.0
#include "app/drained_file.hpp"

#include <boost/json.hpp>

#include "health/kept_file.hpp"

namespace meshd::app {

namespace json = boost::json;

namespace {

constexpr int format_version = 1;

}  // namespace

std::string drained_text(const Names& names) {
    return json::serialize(json::object{{"format", format_version}, {"drained", json::array(names.begin(), names.end())}}) + "\n";
}

base::Result<Names> parse_drained(std::string_view text, const std::string& file) {
    const auto bad = [&](const std::string& why) {
        return base::fail({"read", file, 0, why, "which announced services are drained is forgotten; drain them again"});
    };
    boost::system::error_code error;
    const auto value = json::parse({text.data(), text.size()}, error);
    if (error) return bad("no JSON: " + error.message());
    const auto* const object = value.if_object();
    const auto* const format = object != nullptr ? object->if_contains("format") : nullptr;
    const auto* const rows = object != nullptr ? object->if_contains("drained") : nullptr;
    if (format == nullptr || *format != format_version || rows == nullptr || !rows->is_array())
        return bad("not of format " + std::to_string(format_version));
    Names names;
    for (const auto& row : rows->get_array()) {
        if (!row.is_string()) return bad("a name of it is no text");
        names.emplace(std::string_view(row.get_string()));
    }
    return names;
}

base::Result<void> DrainedFile::save(const Names& names) const {
    return health::write_kept_file(directory_, path_, drained_text(names));
}

base::Result<Names> DrainedFile::load() const {
    const auto text = health::read_kept_file(path_);
    if (!text) return tl::make_unexpected(text.error());
    if (!*text) return Names{};
    return parse_drained(**text, path_);
}

}  // namespace meshd::app
