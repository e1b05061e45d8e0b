// SPDX-License-Identifier: Apache-2.0
#include "config/tree_json.hpp"

#include <charconv>
#include <cstdint>

#include <boost/json.hpp>

#include "config/plain_scalar.hpp"

namespace meshd::config {

namespace json = boost::json;

namespace {

json::value scalar(Value value) {
    const auto text = value.text();
    if (value.is_quoted()) return json::string(text);
    switch (plain_type(text)) {
        case PlainType::nothing:
            return nullptr;
        case PlainType::boolean:
            return text.front() == 't' || text.front() == 'T';
        case PlainType::number: {
            std::int64_t number = 0;
            const auto* const end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, number);
            if (error == std::errc{} && stop == end) return number;
            double real = 0;
            const auto [behind, wrong] = std::from_chars(text.data(), end, real);
            if (wrong == std::errc{} && behind == end) return real;
            return json::string(text);
        }
        case PlainType::text:
            break;
    }
    return json::string(text);
}

}  // namespace

json::value to_json(Value value) {
    switch (value.kind()) {
        case Kind::scalar:
            return scalar(value);
        case Kind::list: {
            json::array list;
            for (const auto item : value) list.push_back(to_json(item));
            return list;
        }
        case Kind::mapping: {
            json::object object;
            Value key;
            for (const auto item : value) {
                if (key.exists()) {
                    object[key.text()] = to_json(item);
                    key = {};
                } else {
                    key = item;
                }
            }
            return object;
        }
        case Kind::nothing:
            break;
    }
    return nullptr;
}

}  // namespace meshd::config
