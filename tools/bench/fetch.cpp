// SPDX-License-Identifier: Apache-2.0
// Fetches files over HTTP on many connections, some of which may read slowly; every byte is compared with the file.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <boost/json.hpp>

#include "arguments.hpp"
#include "epoll.hpp"
#include "fetch_connection.hpp"
#include "peer.hpp"

namespace meshd::bench {

namespace json = boost::json;

namespace {

using Clock = FetchConnection::Clock;

constexpr std::size_t max_errors = 10;

constexpr const char* usage =
    "usage: bench-fetch --to ADDRESS:PORT [--connections N] [--slow N] [--transfers N] [--duration-ms N] [--per-connection N]\n"
    "                   [--piece BYTES] [--pause-us N] [--receive-buffer BYTES] [--give-up-ms N] [--seed N] PATH=FILE...\n"
    "Fetches the paths, drawn at random, until --transfers are whole or --duration-ms is over. The first --slow connections have "
    "the\n"
    "receive buffer, read pieces and pause after each; --per-connection: how many answers until a new connection takes its "
    "place.\n"
    "Prints one JSON object; the exit status is 1 when a byte was wrong, a connection failed or nothing came for --give-up-ms.\n";

class File {
public:
    explicit File(const std::string& name) {
        const base::UniqueFd fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status {};
        if (!fd.valid() || ::fstat(fd.get(), &status) != 0) throw_errno("open " + name);
        size_ = static_cast<std::size_t>(status.st_size);
        if (size_ == 0) return;
        bytes_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd.get(), 0);
        if (bytes_ == MAP_FAILED) throw_errno("map " + name);
    }
    File(File&& other) noexcept : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    File& operator=(File&&) = delete;
    ~File() {
        if (size_ > 0) ::munmap(bytes_, size_);
    }

    [[nodiscard]] std::span<const unsigned char> bytes() const { return {static_cast<const unsigned char*>(bytes_), size_}; }

private:
    void* bytes_ = nullptr;
    std::size_t size_ = 0;
};

struct Options {
    std::optional<RawAddress> target;
    int connections = 32;
    int slow = 0;
    std::uint64_t transfers = 0;  // 0: as many as fit into the duration
    std::chrono::milliseconds duration{600000};
    std::uint64_t per_connection = 0;  // 0: as many as there are
    std::chrono::milliseconds give_up{10000};
    std::uint64_t seed = 1;
    Reading slow_reading{.piece = 4096, .pause = std::chrono::microseconds(0), .receive_buffer = 0};
    Reading fast_reading;
    std::vector<std::pair<std::string, std::string>> files;  // path, name of the file
};

bool set(Options& options, std::string_view option, std::string_view value) {
    const auto number = [&](int least) { return parse_number(option, value, least); };
    if (option == "--to")
        options.target = to_raw(parse_endpoint(value));
    else if (option == "--connections")
        options.connections = number(1);
    else if (option == "--slow")
        options.slow = number(0);
    else if (option == "--transfers")
        options.transfers = static_cast<std::uint64_t>(number(1));
    else if (option == "--duration-ms")
        options.duration = std::chrono::milliseconds(number(1));
    else if (option == "--per-connection")
        options.per_connection = static_cast<std::uint64_t>(number(1));
    else if (option == "--give-up-ms")
        options.give_up = std::chrono::milliseconds(number(1));
    else if (option == "--seed")
        options.seed = static_cast<std::uint64_t>(number(0));
    else if (option == "--piece")
        options.slow_reading.piece = static_cast<std::size_t>(number(1));
    else if (option == "--pause-us")
        options.slow_reading.pause = std::chrono::microseconds(number(0));
    else if (option == "--receive-buffer")
        options.slow_reading.receive_buffer = number(1);
    else
        return false;
    return true;
}

void add_file(Options& options, std::string_view operand) {
    const auto equals = operand.find('=');
    if (equals == std::string_view::npos)
        throw std::invalid_argument("expected PATH=FILE, found \"" + std::string(operand) + '"');
    options.files.emplace_back(operand.substr(0, equals), operand.substr(equals + 1));
}

Options parse_options(int argc, char** argv) {
    Options options;
    parse_arguments(
        {argv + 1, static_cast<std::size_t>(argc - 1)},
        [&](std::string_view option, std::string_view value) { return set(options, option, value); },
        [&](std::string_view operand) { add_file(options, operand); });
    if (!options.target || options.files.empty()) throw std::invalid_argument("say from where, and what");
    return options;
}

class Fetcher {
public:
    explicit Fetcher(const Options& options) : options_(options), draw_(options.seed) {
        files_.reserve(options.files.size());
        for (const auto& [path, name] : options.files) expected_.push_back({path, files_.emplace_back(name).bytes()});
    }

    json::object run() {
        const auto began = Clock::now();
        connections_.resize(static_cast<std::size_t>(options_.connections));
        for (std::size_t i = 0; i < connections_.size(); ++i) renew(i);
        while (busy_ > 0) {
            stopping_ = stopping_ || Clock::now() - began > options_.duration;
            step();
        }
        const auto seconds = std::chrono::duration<double>(Clock::now() - began).count();
        return {{"transfers", finished_},
                {"bytes", bytes_},
                {"seconds", seconds},
                {"transfers_per_s", static_cast<double>(finished_) / seconds},
                {"longest_wait_ms", std::chrono::duration<double, std::milli>(longest_wait_).count()},
                {"connections_opened", opened_},
                {"failed", failed_},
                {"errors", json::value_from(errors_)}};
    }

    [[nodiscard]] bool clean() const { return failed_ == 0; }

private:
    struct Slot {
        std::unique_ptr<FetchConnection> connection;
        bool paused = false;
    };

    [[nodiscard]] bool more() const { return !stopping_ && (options_.transfers == 0 || started_ < options_.transfers); }

    // A new connection, with its first request, takes the place of an old one.
    void renew(std::size_t place) {
        auto& slot = connections_[place];
        slot = {};
        if (!more()) return;
        const auto& reading = place < static_cast<std::size_t>(options_.slow) ? options_.slow_reading : options_.fast_reading;
        slot.connection = std::make_unique<FetchConnection>(*options_.target, reading);
        ++opened_;
        ++busy_;
        ask(*slot.connection);
        epoll_.add(slot.connection->fd(), EPOLLOUT, &slot);
    }

    void ask(FetchConnection& connection) {
        ++started_;
        connection.fetch(expected_[draw_() % expected_.size()]);
    }

    void retire(std::size_t place) {
        auto& connection = *connections_[place].connection;
        finished_ += connection.finished();
        bytes_ += connection.bytes();
        longest_wait_ = std::max(longest_wait_, connection.longest_wait());
        if (connection.failed()) {
            ++failed_;
            if (errors_.size() < max_errors) errors_.push_back(connection.error());
        }
        --busy_;
        renew(place);
    }

    void step() {
        for (const auto& event : epoll_.wait(wait_ms())) serve(*static_cast<Slot*>(event.data.ptr));
        const auto now = Clock::now();
        for (std::size_t place = 0; place < connections_.size(); ++place) {
            auto& slot = connections_[place];
            if (!slot.connection) continue;
            slot.connection->expire(options_.give_up);
            if (slot.connection->failed() || !slot.connection->fetching())
                retire(place);
            else if (slot.paused && slot.connection->reads_again() <= now) {
                slot.paused = false;
                epoll_.change(slot.connection->fd(), EPOLLIN, &slot);
            }
        }
    }

    void serve(Slot& slot) {
        auto& connection = *slot.connection;
        const bool was_writing = connection.wants_to_write();
        connection.on_ready();
        if (connection.failed()) return;
        if (!connection.fetching()) {
            if (!more() || (options_.per_connection > 0 && connection.finished() >= options_.per_connection)) return;
            ask(connection);
            connection.on_ready();  // there is room for a request
            if (connection.failed()) return;
        }
        const bool writes = connection.wants_to_write();
        slot.paused = !writes && connection.reads_again() > Clock::now();
        if (was_writing || writes || slot.paused)
            epoll_.change(connection.fd(), slot.paused ? 0U : writes ? EPOLLOUT : EPOLLIN, &slot);
    }

    // Until the first pause is over.
    [[nodiscard]] int wait_ms() const {
        auto wait = std::chrono::milliseconds(20);
        const auto now = Clock::now();
        for (const auto& slot : connections_)
            if (slot.paused)
                wait = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(slot.connection->reads_again() - now),
                                  std::chrono::milliseconds(0), wait);
        return static_cast<int>(wait.count());
    }

    const Options& options_;
    std::mt19937_64 draw_;
    std::vector<File> files_;
    std::vector<Expected> expected_;
    Epoll epoll_;
    std::vector<Slot> connections_;
    bool stopping_ = false;
    int busy_ = 0;
    std::uint64_t started_ = 0, finished_ = 0, bytes_ = 0, opened_ = 0, failed_ = 0;
    Clock::duration longest_wait_{0};
    std::vector<std::string> errors_;
};

int run(const Options& options) {
    Fetcher fetcher(options);
    std::cout << json::serialize(fetcher.run()) << '\n';
    return fetcher.clean() ? 0 : 1;
}

}  // namespace

}  // namespace meshd::bench

int main(int argc, char** argv) {
    return meshd::bench::run_tool("bench-fetch", meshd::bench::usage,
                                  [&] { return meshd::bench::run(meshd::bench::parse_options(argc, argv)); });
}
