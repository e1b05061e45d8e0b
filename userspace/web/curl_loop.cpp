// SPDX-License-Identifier: Apache-2.0
#include "web/curl_loop.hpp"

namespace meshd::web {

// The socket is libcurl's: it is lent until libcurl takes its interest back, which it does before it closes it.
struct CurlLoop::Watch {
    explicit Watch(boost::asio::io_context& io) : descriptor(io) {}
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { give_back(); }

    void give_back() {
        wanted = 0;
        if (descriptor.is_open()) (void)descriptor.release();
    }

    boost::asio::posix::stream_descriptor descriptor;
    curl_socket_t socket = CURL_SOCKET_BAD;
    int wanted = 0;   // CURL_POLL_IN and CURL_POLL_OUT
    int waiting = 0;  // those that a wait is under way for
};

CurlLoop::CurlLoop(boost::asio::io_context& io, Done done)
    : io_(io), done_(std::move(done)), timer_(std::make_shared<boost::asio::steady_timer>(io)) {
    begin_curl();
    multi_.reset(::curl_multi_init());
    if (!multi_) return;
    ::curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &CurlLoop::on_socket);
    ::curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
    ::curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &CurlLoop::on_timer);
    ::curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
}

CurlLoop::~CurlLoop() = default;

bool CurlLoop::add(CURL* easy) { return multi_ && ::curl_multi_add_handle(multi_.get(), easy) == CURLM_OK; }

int CurlLoop::on_socket(CURL*, curl_socket_t socket, int what, void* context, void*) {
    return static_cast<CurlLoop*>(context)->watch(socket, what);
}

// After -1 libcurl ends every request under way as failed, and begins anew with the next.
int CurlLoop::watch(curl_socket_t socket, int what) {
    const auto found = watches_.find(socket);
    if (what == CURL_POLL_REMOVE) {
        if (found == watches_.end()) return 0;
        found->second->give_back();
        watches_.erase(found);
        return 0;
    }
    auto watch = found == watches_.end() ? nullptr : found->second;
    if (!watch) {
        watch = std::make_shared<Watch>(io_);
        watch->socket = socket;
        boost::system::error_code ec;
        watch->descriptor.assign(socket, ec);
        if (ec) return -1;
        watches_.emplace(socket, watch);
    }
    watch->wanted = what & CURL_POLL_INOUT;
    wait(watch);
    return 0;
}

void CurlLoop::wait(const std::shared_ptr<Watch>& watch) {
    wait_for(watch, CURL_POLL_IN);
    wait_for(watch, CURL_POLL_OUT);
}

void CurlLoop::wait_for(const std::shared_ptr<Watch>& watch, int direction) {
    if ((watch->wanted & direction) == 0 || (watch->waiting & direction) != 0) return;
    watch->waiting |= direction;
    using boost::asio::posix::descriptor_base;
    watch->descriptor.async_wait(direction == CURL_POLL_IN ? descriptor_base::wait_read : descriptor_base::wait_write,
                                 [this, direction, weak = std::weak_ptr(watch)](boost::system::error_code ec) {
                                     // A watch that is still there says that the loop is.
                                     if (const auto ready = weak.lock()) act(ready, direction, ec.failed());
                                 });
}

void CurlLoop::act(const std::shared_ptr<Watch>& watch, int direction, bool failed) {
    watch->waiting &= ~direction;
    if ((watch->wanted & direction) == 0) return;
    const int events = direction == CURL_POLL_IN ? CURL_CSELECT_IN : CURL_CSELECT_OUT;
    act(watch->socket, failed ? events | CURL_CSELECT_ERR : events);
    wait(watch);
}

int CurlLoop::on_timer(CURLM*, long after_ms, void* context) {
    auto& loop = *static_cast<CurlLoop*>(context);
    if (after_ms < 0) {
        loop.timer_->cancel();
        return 0;
    }
    loop.timer_->expires_after(std::chrono::milliseconds(after_ms));
    loop.timer_->async_wait([&loop, weak = std::weak_ptr(loop.timer_)](boost::system::error_code ec) {
        if (!ec && !weak.expired()) loop.act(CURL_SOCKET_TIMEOUT, 0);
    });
    return 0;
}

void CurlLoop::act(curl_socket_t socket, int events) {
    int running = 0;
    inside_ = true;
    ::curl_multi_socket_action(multi_.get(), socket, events, &running);
    inside_ = false;
    // What done_() does may take away messages that are still to come: each is asked for anew.
    int left = 0;
    for (auto* message = ::curl_multi_info_read(multi_.get(), &left); message != nullptr;
         message = ::curl_multi_info_read(multi_.get(), &left))
        if (message->msg == CURLMSG_DONE) done_(message->easy_handle, message->data.result);
}

}  // namespace meshd::web
