// SPDX-License-Identifier: Apache-2.0
// A server made of recorded answers, a store in memory, and objects to put there.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "store/ask.hpp"
#include "store/declared.hpp"
#include "store/store.hpp"

namespace meshd::store {

// Answers in turn, and remembers what it was asked.
class FakeServer {
public:
    void answers(long status, std::string body) {
        web::AsyncResponse response;
        response.status = status;
        response.body = std::move(body);
        answers_.emplace_back(std::move(response));
    }
    void is_down() {
        answers_.emplace_back(tl::unexpect, web::AsyncError{web::AsyncError::Kind::unreachable,
                                                            {"ask", "http://server", 0, "connection refused", {}}});
    }
    Ask ask() {
        return [this](web::AsyncRequest request) -> Answer {
            requests.push_back(std::move(request));
            if (answers_.empty()) return Answer(tl::unexpect, web::AsyncError{});
            auto answer = std::move(answers_.front());
            answers_.pop_front();
            return answer;
        };
    }

    std::vector<web::AsyncRequest> requests;

private:
    std::deque<Answer> answers_;
};

class FakeStore : public Store {
public:
    struct Kept {
        std::string text;
        int version = 0;
    };

    [[nodiscard]] const std::string& name() const override { return name_; }
    [[nodiscard]] std::string where(const Object& object) const override { return "fake:" + object.key(); }
    base::Result<std::vector<Item>> list() override {
        if (before_list) before_list(*this);
        std::vector<Item> items;
        for (const auto& [key, kept] : objects)
            items.push_back({object_of_key(key), "fake:" + key, kept.text, std::to_string(kept.version), {}});
        return items;
    }
    base::Result<Written> write(const std::vector<Change>& changes) override {
        if (before_write) before_write(*this);
        for (const auto& change : changes) {
            const auto found = objects.find(change.object.key());
            if ((found == objects.end() ? "" : std::to_string(found->second.version)) != change.version)
                return Written::overtaken;
        }
        for (const auto& change : changes) {
            if (change.text)
                put(change.object.key(), *change.text);
            else
                objects.erase(change.object.key());
        }
        ++writes;
        return Written::done;
    }
    void put(const std::string& key, const std::string& text) { objects[key] = {text, ++version_}; }

    std::map<std::string, Kept> objects;
    std::function<void(FakeStore&)> before_list, before_write;
    int writes = 0;

private:
    std::string name_ = "fake";
    int version_ = 0;
};

inline std::string service_text(const std::string& name, const std::string& address, int port = 80) {
    return "services:\n  - name: " + name + "\n    address: " + address + "\n    port: " + std::to_string(port) +
           "\n    backends: []\n";
}

inline std::vector<Declared> declared(const std::string& text, const std::string& file = "f.yaml") {
    auto all = declared_in(text, file);
    EXPECT_TRUE(all.has_value()) << all.error().message();
    return all ? std::move(*all) : std::vector<Declared>{};
}

}  // namespace meshd::store
