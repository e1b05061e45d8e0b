// SPDX-License-Identifier: Apache-2.0
// Reading an agent's answer, and how its values look to a person. An agent of another version may leave members out or change
// their kind: then a person sees "-", never an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json.hpp>

namespace meshd::meshctl {

namespace json = boost::json;

// `path` is a member's name or several with dots between them: "worker.pid". Nullptr when there is none.
const json::value* find(const json::object& object, std::string_view path);
const json::object& object_at(const json::object& object, std::string_view path);  // empty when there is none
const json::array& array_at(const json::object& object, std::string_view path);    // empty when there is none
std::int64_t number_at(const json::object& object, std::string_view path);         // 0 when there is none
bool is_true(const json::object& object, std::string_view path);

// Text as it is, numbers in digits, yes or no; "-" for what is absent, null or empty.
std::string text_at(const json::object& object, std::string_view path);
std::string bytes_at(const json::object& object, std::string_view path);         // "1.5 MiB"
std::string share_at(const json::object& object, std::string_view path);         // "33.3 %" of a number from 0 to 1
std::string seconds_at(const json::object& object, std::string_view path);       // "3d 4h"
std::string microseconds_at(const json::object& object, std::string_view path);  // "1.2 ms"

std::string bytes_text(double bytes);
std::string counted(std::int64_t count, std::string_view singular, std::string_view plural = {});  // "1 map", "2 maps"
std::string join(const json::array& items, std::string_view between = ", ");                       // "-" when there are none
std::string endpoint_text(std::string_view address, std::int64_t port);                            // "[fd00::1]:80"

}  // namespace meshd::meshctl
