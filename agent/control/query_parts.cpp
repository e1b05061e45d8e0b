// SPDX-License-Identifier: Apache-2.0
#include "control/query_parts.hpp"

#include <charconv>

#include "control/query.hpp"
#include "model/service.hpp"

namespace meshd::control {

namespace json = boost::json;

namespace {

// Deeper than any body that is valid, shallow enough for any stack.
constexpr std::size_t max_depth = 16;
constexpr std::size_t longest_quote = 120;

}  // namespace

std::string in_quotes(std::string_view text) {
    std::string result = "'";
    for (const char letter : text.substr(0, longest_quote)) result += letter >= ' ' && letter <= '~' ? letter : '?';
    if (text.size() > longest_quote) result += "…";
    return result + "'";
}

tl::unexpected<base::Error> refused(std::string_view object, std::string detail, std::string_view remedy) {
    return base::fail({"use", std::string(object), 0, std::move(detail), std::string(remedy)});
}

base::Result<void> only_keys(const http::Request& request, const std::set<std::string_view>& known, std::string_view remedy) {
    for (const auto& [key, value] : request.query)
        if (!known.contains(key)) return refused("the query parameter " + in_quotes(key), "it is not known here", remedy);
    return {};
}

base::Result<json::object> object_of(std::string_view body, const std::set<std::string_view>& known, std::string_view remedy) {
    json::parse_options options;
    options.max_depth = max_depth;
    json::error_code error;
    json::value value;
    try {
        value = json::parse({body.data(), body.size()}, error, {}, options);
    } catch (const std::exception& exception) {  // out of memory
        return refused("the body", exception.what(), remedy);
    }
    if (error) return refused("the body", "it is not JSON (" + error.message() + ")", remedy);
    if (!value.is_object()) return refused("the body", "it is not a JSON object", remedy);
    for (const auto& member : value.get_object())
        if (!known.contains(std::string_view(member.key())))
            return refused("the member " + in_quotes(std::string_view(member.key())) + " of the body", "it is not known here",
                           remedy);
    return std::move(value.get_object());
}

base::Result<std::optional<std::string>> optional_service(const json::object& object, std::string_view usage) {
    const auto* const service = object.if_contains("service");
    if (service == nullptr) return std::nullopt;
    if (!service->is_string()) return refused("the body", "service is no text", usage);
    const std::string_view name = service->get_string();
    if (!model::is_service_name(name)) return refused("the service " + in_quotes(name), "it is no name of a service", usage);
    return std::string(name);
}

const std::string* parameter(const http::Request& request, std::string_view name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? nullptr : &found->second;
}

base::Result<std::optional<std::string>> service_parameter(const http::Request& request, std::string_view usage) {
    const auto* const name = parameter(request, "service");
    if (name == nullptr) return std::nullopt;
    if (!model::is_service_name(*name)) return refused("the service " + in_quotes(*name), "it is no name of a service", usage);
    return *name;
}

base::Result<std::optional<base::SocketAddress>> address_parameter(const http::Request& request, std::string_view name,
                                                                   std::string_view usage) {
    const auto* const text = parameter(request, name);
    if (text == nullptr) return std::nullopt;
    if (const auto address = base::IpAddress::parse(*text)) return base::SocketAddress{*address, 0};
    if (const auto endpoint = base::SocketAddress::parse(*text)) return *endpoint;
    return refused("the " + std::string(name) + " " + in_quotes(*text),
                   "it is no address such as 10.0.0.1, 10.0.0.1:80 or [fd00::1]:80", usage);
}

base::Result<std::uint64_t> number_parameter(const http::Request& request, std::string_view name, std::uint64_t otherwise,
                                             std::uint64_t most, std::string_view usage) {
    const auto* const text = parameter(request, name);
    if (text == nullptr) return otherwise;
    std::uint64_t number = 0;
    const auto* const end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, number);
    if (error != std::errc{} || stop != end || number > most)
        return refused("the " + std::string(name) + " " + in_quotes(*text), "it is no whole number up to " + std::to_string(most),
                       usage);
    return number;
}

}  // namespace meshd::control
