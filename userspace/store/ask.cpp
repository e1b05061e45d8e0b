// SPDX-License-Identifier: Apache-2.0
#include "store/ask.hpp"

#include <memory>
#include <optional>

namespace meshd::store {

namespace {

class Asking {
public:
    Answer ask(web::AsyncRequest request) {
        std::optional<Answer> answer;
        const auto pending = client_.start(std::move(request), [&](Answer given) { answer = std::move(given); });
        while (!answer) {
            io_.restart();
            io_.run_one();
        }
        return std::move(*answer);
    }

private:
    boost::asio::io_context io_;
    web::AsyncClient client_{io_};
};

}  // namespace

Ask ask_by_http() {
    return [asking = std::make_shared<Asking>()](web::AsyncRequest request) { return asking->ask(std::move(request)); };
}

}  // namespace meshd::store
