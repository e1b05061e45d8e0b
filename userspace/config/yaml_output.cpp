// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_output.hpp"

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>
#include <array>
#include <charconv>
#include <cmath>

#include <boost/json.hpp>

#include "config/plain_scalar.hpp"

namespace meshd::config {

namespace json = boost::json;

namespace {

void write_text(YAML::Emitter& out, std::string_view text) {
    if (needs_quotes(text)) out << YAML::DoubleQuoted;
    out << std::string(text);
}

// The shortest digits that read back as the same number; yaml-cpp writes seventeen.
void write_real(YAML::Emitter& out, double number) {
    if (!std::isfinite(number)) {
        out << (std::isnan(number) ? ".nan" : number > 0 ? ".inf" : "-.inf");
        return;
    }
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    std::string text(digits.data(), end);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    out << text;
}

void write(YAML::Emitter& out, const json::value& value);

void write_list(YAML::Emitter& out, const json::array& list) {
    if (list.empty()) out << YAML::Flow;
    out << YAML::BeginSeq;
    for (const auto& item : list) write(out, item);
    out << YAML::EndSeq;
}

void write_mapping(YAML::Emitter& out, const json::object& object) {
    if (object.empty()) out << YAML::Flow;
    out << YAML::BeginMap;
    for (const auto& member : object) {
        out << YAML::Key;
        write_text(out, {member.key().data(), member.key().size()});
        out << YAML::Value;
        write(out, member.value());
    }
    out << YAML::EndMap;
}

void write(YAML::Emitter& out, const json::value& value) {
    switch (value.kind()) {
        case json::kind::null:
            out << YAML::Null;
            return;
        case json::kind::bool_:
            out << value.get_bool();
            return;
        case json::kind::int64:
            out << static_cast<long long>(value.get_int64());
            return;
        case json::kind::uint64:
            out << static_cast<unsigned long long>(value.get_uint64());
            return;
        case json::kind::double_:
            write_real(out, value.get_double());
            return;
        case json::kind::string:
            write_text(out, {value.get_string().data(), value.get_string().size()});
            return;
        case json::kind::array:
            write_list(out, value.get_array());
            return;
        case json::kind::object:
            write_mapping(out, value.get_object());
            return;
    }
}

}  // namespace

std::string to_yaml(const json::value& value) {
    YAML::Emitter out;
    write(out, value);
    return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace meshd::config
