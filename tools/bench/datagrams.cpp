// SPDX-License-Identifier: Apache-2.0
// Datagrams from one network namespace to another as fast as one CPU sends them: how many, and what they cost all CPUs. A veth
// device hands a packet over within the call that sends it, so the sender's CPU does the work of every host on the way.
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "arguments.hpp"
#include "process.hpp"
#include "sockets.hpp"

namespace meshd::bench {

namespace json = boost::json;

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* usage =
    "usage: bench-datagrams [--size BYTES] [--sources N] [--duration-ms N] [--pairs N] [--sender-cpu N] [--receiver-cpu N] "
    "WAY...\n"
    "Sends over each way in turn, --pairs times, from so many source ports; prints one JSON object.\n"
    "WAY: name=NAME,to=ADDRESS:PORT,from=NETNS,listen=ADDRESS:PORT,at=NETNS\n";

constexpr std::size_t batch = 32;

struct Way {
    std::string name, from, at;
    std::optional<base::SocketAddress> to, listen;
};

struct Options {
    std::size_t size = 64;
    int sources = 16;
    std::chrono::milliseconds duration{1000};
    int pairs = 5;
    int sender_cpu = -1, receiver_cpu = -1;
    std::vector<Way> ways;
};

Way parse_way(std::string_view text) {
    Way way;
    parse_parts(text, [&](std::string_view key, std::string_view value) {
        if (key == "name")
            way.name = value;
        else if (key == "from")
            way.from = value;
        else if (key == "at")
            way.at = value;
        else if (key == "to")
            way.to = parse_endpoint(value);
        else if (key == "listen")
            way.listen = parse_endpoint(value);
        else
            return false;
        return true;
    });
    if (way.name.empty() || way.from.empty() || way.at.empty() || !way.to || !way.listen)
        throw std::invalid_argument("a way needs name=, to=, from=, listen= and at=");
    return way;
}

Options parse_options(int argc, char** argv) {
    Options options;
    parse_arguments(
        {argv + 1, static_cast<std::size_t>(argc - 1)},
        [&](std::string_view option, std::string_view value) {
            if (option == "--size")
                options.size = static_cast<std::size_t>(parse_number(option, value, 1));
            else if (option == "--sources")
                options.sources = parse_number(option, value, 1);
            else if (option == "--duration-ms")
                options.duration = std::chrono::milliseconds(parse_number(option, value, 1));
            else if (option == "--pairs")
                options.pairs = parse_number(option, value, 1);
            else if (option == "--sender-cpu")
                options.sender_cpu = parse_number(option, value, 0);
            else if (option == "--receiver-cpu")
                options.receiver_cpu = parse_number(option, value, 0);
            else
                return false;
            return true;
        },
        [&](std::string_view operand) { options.ways.push_back(parse_way(operand)); });
    if (options.ways.empty()) throw std::invalid_argument("nothing to measure: give at least one way");
    return options;
}

void enter_netns(const std::string& path) {
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid() || ::setns(fd.get(), CLONE_NEWNET) != 0) throw_errno("enter " + path);
}

base::UniqueFd datagram_socket(const RawAddress& address) {
    base::UniqueFd fd(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) throw_errno("socket");
    return fd;
}

// Many buffers at once, all of them the same bytes.
class Batch {
public:
    explicit Batch(std::size_t size) : bytes_(size, 'x'), messages_(batch) {
        part_ = {bytes_.data(), bytes_.size()};
        for (auto& message : messages_) {
            message.msg_hdr.msg_iov = &part_;
            message.msg_hdr.msg_iovlen = 1;
        }
    }
    mmsghdr* messages() { return messages_.data(); }

private:
    std::vector<unsigned char> bytes_;
    iovec part_{};
    std::vector<mmsghdr> messages_;
};

// Memory that a forked receiver shares.
class Counter {
public:
    Counter()
        : value_(static_cast<std::atomic<std::uint64_t>*>(
              ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
        if (value_ == MAP_FAILED) throw_errno("share memory");
    }
    ~Counter() { ::munmap(value_, sizeof *value_); }
    Counter(const Counter&) = delete;
    Counter& operator=(const Counter&) = delete;
    std::atomic<std::uint64_t>& operator*() const { return *value_; }

private:
    std::atomic<std::uint64_t>* value_;
};

// Both ends of a way.
class Runner {
public:
    Runner(const Way& way, const Options& options) : options_(options) {
        const auto listen = to_raw(*way.listen);
        enter_netns(way.at);
        receiver_ = datagram_socket(listen);
        const int large = 4 << 20;
        (void)::setsockopt(receiver_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large);
        if (::bind(receiver_.get(), listen.get(), listen.length) != 0) throw_errno("bind (" + way.name + ")");
        const auto target = to_raw(*way.to);
        enter_netns(way.from);
        for (int i = 0; i < options.sources; ++i) {
            auto sender = datagram_socket(target);
            if (::connect(sender.get(), target.get(), target.length) != 0) throw_errno("connect (" + way.name + ")");
            senders_.push_back(std::move(sender));
        }
        child_.emplace([this] { receive(); });
    }

    // What was sent, and what of it has arrived.
    std::pair<std::uint64_t, std::uint64_t> send() {
        Batch all(options_.size);
        const auto before = (*received_).load();
        const auto end = Clock::now() + options_.duration;
        std::uint64_t sent = 0;
        for (std::size_t next = 0; Clock::now() < end; next = (next + 1) % senders_.size()) {
            const int count = ::sendmmsg(senders_[next].get(), all.messages(), batch, 0);
            if (count < 0 && errno != ECONNREFUSED && errno != ENOBUFS) throw_errno("send");
            if (count > 0) sent += static_cast<std::uint64_t>(count);
        }
        // The receiver is done when nothing more comes.
        for (auto last = before; (*received_).load() != last;) {
            last = (*received_).load();
            ::usleep(2000);
        }
        return {sent, (*received_).load() - before};
    }

private:
    [[noreturn]] void receive() {
        pin_to(options_.receiver_cpu);
        Batch all(options_.size);
        for (;;) {
            const int count = ::recvmmsg(receiver_.get(), all.messages(), batch, MSG_WAITFORONE, nullptr);
            if (count > 0) *received_ += static_cast<std::uint64_t>(count);
        }
    }

    const Options& options_;
    Counter received_;
    base::UniqueFd receiver_;
    std::vector<base::UniqueFd> senders_;
    std::optional<Child> child_;
};

// Nanoseconds that all CPUs have been busy; the kernel counts in hundredths of a second.
double busy_ns() {
    std::ifstream stat("/proc/stat");
    std::string name;
    std::uint64_t user = 0, nice = 0, system = 0, idle = 0, waiting = 0, hard = 0, soft = 0;
    stat >> name >> user >> nice >> system >> idle >> waiting >> hard >> soft;
    if (!stat) throw std::runtime_error("cannot read /proc/stat");
    return static_cast<double>(user + nice + system + hard + soft) * 1e9 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct Measured {
    json::array sent_per_s, arrived_per_s, busy_ns_each;
};

void run(const Options& options) {
    std::vector<std::unique_ptr<Runner>> runners;
    for (const auto& way : options.ways) runners.push_back(std::make_unique<Runner>(way, options));
    pin_to(options.sender_cpu);
    for (const auto& runner : runners) runner->send();
    std::vector<Measured> measured(runners.size());
    for (int pair = 0; pair < options.pairs; ++pair)
        for (std::size_t i = 0; i < runners.size(); ++i) {
            const auto busy = busy_ns();
            const auto began = Clock::now();
            const auto [sent, arrived] = runners[i]->send();
            const std::chrono::duration<double> took = Clock::now() - began;
            if (arrived == 0) throw std::runtime_error(options.ways[i].name + ": nothing arrived");
            measured[i].sent_per_s.emplace_back(static_cast<double>(sent) / took.count());
            measured[i].arrived_per_s.emplace_back(static_cast<double>(arrived) / took.count());
            measured[i].busy_ns_each.emplace_back((busy_ns() - busy) / static_cast<double>(arrived));
        }
    json::array ways;
    for (std::size_t i = 0; i < runners.size(); ++i)
        ways.push_back(json::object{{"name", options.ways[i].name},
                                    {"sent_per_s", std::move(measured[i].sent_per_s)},
                                    {"arrived_per_s", std::move(measured[i].arrived_per_s)},
                                    {"busy_ns_each", std::move(measured[i].busy_ns_each)}});
    std::cout << json::serialize(json::object{{"size", options.size}, {"ways", std::move(ways)}}) << '\n';
}

}  // namespace

}  // namespace meshd::bench

int main(int argc, char** argv) {
    return meshd::bench::run_tool("bench-datagrams", meshd::bench::usage, [&] {
        meshd::bench::run(meshd::bench::parse_options(argc, argv));
        return 0;
    });
}
