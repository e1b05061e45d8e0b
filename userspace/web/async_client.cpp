// SPDX-License-Identifier: Apache-2.0
#include "web/async_client.hpp"

#include <boost/asio/post.hpp>

#include "web/curl_loop.hpp"
#include "web/transfer.hpp"

namespace meshd::web {

class AsyncClient::Engine : public std::enable_shared_from_this<Engine> {
public:
    explicit Engine(boost::asio::io_context& io) : io_(io), loop_(io, [this](CURL* easy, CURLcode code) { done(easy, code); }) {}

    std::unique_ptr<Pending> start(AsyncRequest request, Handler handler) {
        const auto id = ++last_id_;
        transfers_.emplace(id, std::make_unique<Transfer>(io_, id, std::move(request), std::move(handler)));
        if (loop_.is_inside())  // called by a stream
            later([id](Engine& engine) { engine.begin(id); });
        else
            begin(id);
        return std::make_unique<Underway>(weak_from_this(), id);
    }

    void stop() {
        while (!transfers_.empty()) take_out(transfers_.begin()->first);
    }

private:
    class Underway : public Pending {
    public:
        Underway(std::weak_ptr<Engine> engine, std::uint64_t id) : engine_(std::move(engine)), id_(id) {}
        Underway(const Underway&) = delete;
        Underway& operator=(const Underway&) = delete;
        ~Underway() override {
            if (const auto engine = engine_.lock()) engine->let_go(id_);
        }

    private:
        std::weak_ptr<Engine> engine_;
        std::uint64_t id_;
    };

    void let_go(std::uint64_t id) {
        const auto found = transfers_.find(id);
        if (found == transfers_.end()) return;
        found->second->give_up();
        if (loop_.is_inside())
            later([id](Engine& engine) { engine.take_out(id); });
        else
            take_out(id);
    }

    void later(std::function<void(Engine&)> what) {
        boost::asio::post(io_, [weak = weak_from_this(), what = std::move(what)] {
            if (const auto engine = weak.lock()) what(*engine);
        });
    }

    void begin(std::uint64_t id) {
        const auto found = transfers_.find(id);
        if (found == transfers_.end() || found->second->given_up()) return;
        auto& transfer = *found->second;
        auto error = transfer.set_up();
        if (!error && !loop_.add(transfer.easy()))
            error = AsyncError{AsyncError::Kind::unreachable, {"use", "libcurl", 0, "it does not take the request", {}}};
        if (error)
            later([id, error = *error](Engine& engine) { engine.finish(id, tl::make_unexpected(error)); });
        else if (transfer.silence().count() > 0)
            watch_silence(id, transfer);
    }

    // libcurl's own measure is a mean over seconds, and wakes every request each second.
    void watch_silence(std::uint64_t id, Transfer& watched) {
        watched.timer().expires_at(watched.last_byte() + watched.silence());
        watched.timer().async_wait([id, weak = weak_from_this()](boost::system::error_code ec) {
            const auto engine = weak.lock();
            if (ec || !engine) return;
            const auto found = engine->transfers_.find(id);
            if (found == engine->transfers_.end()) return;
            auto& transfer = *found->second;
            if (Transfer::Clock::now() - transfer.last_byte() < transfer.silence())
                engine->watch_silence(id, transfer);
            else
                engine->finish(id, tl::make_unexpected(transfer.silent()));
        });
    }

    void done(CURL* easy, CURLcode code) {
        auto& transfer = Transfer::of(easy);
        finish(transfer.id(), transfer.result(code));
    }

    void finish(std::uint64_t id, tl::expected<AsyncResponse, AsyncError> result) {
        const auto transfer = take_out(id);
        if (!transfer || transfer->given_up()) return;
        const auto handler = transfer->take_handler();
        handler(std::move(result));
    }

    std::unique_ptr<Transfer> take_out(std::uint64_t id) {
        const auto found = transfers_.find(id);
        if (found == transfers_.end()) return nullptr;
        auto transfer = std::move(found->second);
        transfers_.erase(found);
        loop_.remove(transfer->easy());
        return transfer;
    }

    boost::asio::io_context& io_;
    std::uint64_t last_id_ = 0;
    CurlLoop loop_;
    std::map<std::uint64_t, std::unique_ptr<Transfer>> transfers_;
};

AsyncClient::AsyncClient(boost::asio::io_context& io) : engine_(std::make_shared<Engine>(io)) {}

AsyncClient::~AsyncClient() { engine_->stop(); }

std::unique_ptr<Pending> AsyncClient::start(AsyncRequest request, Handler handler) {
    return engine_->start(std::move(request), std::move(handler));
}

}  // namespace meshd::web
