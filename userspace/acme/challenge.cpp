// SPDX-License-Identifier: Apache-2.0
#include "acme/challenge.hpp"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "base/base64.hpp"

namespace meshd::acme {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 3> methods{"begin", "done", "failed"};
constexpr std::array<std::string_view, 5> members{"method", "type", "name", "token", "authorization"};
constexpr std::size_t longest = 512;
constexpr std::size_t digest_size = 32;

tl::unexpected<base::Error> wrong(std::string detail) { return base::fail({"answer", "a challenge", 0, std::move(detail), {}}); }

// The alphabet of base64url, and `others`.
bool is_of(std::string_view text, std::string_view others = {}) {
    return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), [&](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
               letter == '-' || letter == '_' || others.find(letter) != std::string_view::npos;
    });
}

}  // namespace

base::Result<ChallengeStep> read_step(std::string_view method, std::string_view type, std::string_view name,
                                      std::string_view token, std::string_view authorization) {
    const auto* const found = std::find(methods.begin(), methods.end(), method);
    if (found == methods.end()) return wrong("it must begin with begin, done or failed");
    if (!is_of(type)) return wrong("its type is no word");
    if (!model::is_acme_name(name)) return wrong("it is not for a name of a server");
    if (!is_of(token)) return wrong("its token is no base64url");
    if (!is_of(authorization, ".")) return wrong("its key authorization is none");
    return ChallengeStep{static_cast<ChallengeStep::Method>(found - methods.begin()), std::string(type), std::string(name),
                         std::string(token), std::string(authorization)};
}

std::string to_text(const ChallengeStep& step) {
    return json::serialize(json::object{{"method", methods.at(static_cast<std::size_t>(step.method))},
                                        {"type", step.type},
                                        {"name", step.name},
                                        {"token", step.token},
                                        {"authorization", step.authorization}});
}

base::Result<ChallengeStep> step_in(const std::string& text) {
    boost::system::error_code error;
    const auto value = json::parse(text, error);
    if (error || !value.is_object()) return wrong("it is no JSON object");
    std::array<std::string_view, members.size()> texts;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const auto* const member = value.get_object().if_contains(members.at(i));
        if (member == nullptr || !member->is_string()) return wrong("it lacks " + std::string(members.at(i)));
        texts.at(i) = member->get_string();
    }
    return read_step(texts[0], texts[1], texts[2], texts[3], texts[4]);
}

base::Result<std::string> digest_of(const ChallengeStep& step) {
    auto text = step.authorization;
    std::replace(text.begin(), text.end(), '-', '+');
    std::replace(text.begin(), text.end(), '_', '/');
    while (text.size() % 4 != 0) text += '=';
    auto bytes = base::from_base64(text);
    if (!bytes || bytes->size() != digest_size) return wrong("its authorization is no SHA-256 in base64url");
    return std::move(*bytes);
}

}  // namespace meshd::acme
