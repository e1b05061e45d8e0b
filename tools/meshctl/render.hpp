// SPDX-License-Identifier: Apache-2.0
// The one place that prints.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "failure.hpp"
#include "page.hpp"

namespace meshd::meshctl {

enum class Format { table, wide, json, yaml };

std::optional<Format> parse_format(std::string_view text);

void render(const Page& page, Format format, std::ostream& out);

// For a person on `err`; with json and yaml as {"error": {"message", "remedy"}} on `out`, where a program reads.
void render(const Failure& failure, Format format, std::ostream& out, std::ostream& err);

// Indented by two spaces, doubles in their shortest form.
std::string pretty_json(const json::value& value);

}  // namespace meshd::meshctl
