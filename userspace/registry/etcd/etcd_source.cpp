// SPDX-License-Identifier: Apache-2.0
#include "registry/etcd/etcd_source.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "config/text_file.hpp"
#include "registry/etcd/requests.hpp"

namespace meshd::registry::etcd {

namespace {

// A value may have 1.5 MiB: the first page fits into an answer whatever is in it, and shows what the others may have.
constexpr int first_page = 16;
constexpr std::size_t small_page = std::size_t{1} << 20;  // bytes: the next may have twice as many keys
constexpr std::size_t large_page = std::size_t{8} << 20;  // half as many
constexpr int behind_too_often = 2;

// Keys are any bytes; names of objects are shown to people, stand in JSON, and come behind a slash.
std::string unit_name(std::string_view prefix, std::string_view key) {
    std::string name;
    if (prefix.starts_with('/') && key.starts_with('/')) key.remove_prefix(1);
    for (const char c : key) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7f && c != '\\')
            name += c;
        else
            name += fmt::format("\\x{:02x}", byte);
    }
    return name;
}

}  // namespace

EtcdSource::EtcdSource(boost::asio::io_context& io, web::AsyncClient& client, model::EtcdRegistry settings, Intake& intake,
                       EtcdTimes times)
    : client_(client),
      settings_(std::move(settings)),
      intake_(intake),
      times_(times),
      units_(intake),
      announced_(intake, unit_name(settings_.prefix, settings_.prefix + "announced/")),
      timer_(io) {
    // So that all nodes do not ask the same member.
    endpoint_ = std::uniform_int_distribution<std::size_t>(0, settings_.endpoints.size() - 1)(random_);
}

void EtcdSource::start() { connect(); }

// A watch that is under way ends first: the answer is newer than all it has told, and nothing may be told twice in another order.
void EtcdSource::sync() {
    if (state_ == State::idle) return;
    if (state_ == State::reading)
        again_ = true;
    else
        connect();
}

// ---- Reading ----

void EtcdSource::connect() {
    hang_up();
    state_ = State::reading;
    if (!settings_.user.empty() && token_.empty() && !no_users_)
        authenticate();
    else
        read_from(settings_.prefix);
}

void EtcdSource::authenticate() {
    auto password = config::read_secret_file(settings_.password_file);
    if (!password) return fail(Failure::settings, password.error());
    question_ =
        ask("/v3/auth/authenticate", authenticate_request(settings_.user, *password), times_.answer, &EtcdSource::on_token);
}

void EtcdSource::on_token(const std::string& body) {
    auto token = parse_token(body);
    if (!token) return cannot_read(std::move(token.error()));
    token_ = std::move(*token);
    token_is_fresh_ = true;
    read_from(settings_.prefix);
}

// The first page says which revision the others are of.
void EtcdSource::read_from(std::string first) {
    if (first == settings_.prefix) {
        texts_.clear();
        revision_ = 0;
        page_ = std::min(first_page, largest_page_);
        again_ = false;
    }
    question_ = ask("/v3/kv/range", range_request(settings_.prefix, first, revision_, page_), times_.page, &EtcdSource::on_page);
}

void EtcdSource::on_page(const std::string& body) {
    auto range = parse_range(body);
    if (!range) return cannot_read(range.error());
    if (revision_ == 0) revision_ = range->revision;
    std::string next;
    if (range->more) next = range->items.back().key + '\0';
    for (auto& item : range->items) texts_.insert_or_assign(std::move(item.key), std::move(item.value));
    if (body.size() < small_page) page_ = std::min(2 * page_, largest_page_);
    if (body.size() > large_page) page_ = std::max(page_ / 2, 1);
    if (range->more) return read_from(std::move(next));

    std::map<std::string, std::string> units;
    std::map<std::string, std::string> announced;
    for (auto& [key, text] : std::exchange(texts_, {})) {
        auto unit = unit_name(settings_.prefix, key);
        (announced_.takes(unit) ? announced : units).emplace(std::move(unit), std::move(text));
    }
    units_.replace(units);
    announced_.replace(announced);
    intake_.answered();
    if (again_) return read_from(settings_.prefix);
    watch();
}

// ---- Following ----

void EtcdSource::watch() {
    state_ = State::watching;
    created_ = false;
    behind_ = 0;
    stream_ = std::make_unique<ObjectStream>();
    auto watch = request("/v3/watch", watch_request(settings_.prefix, revision_ + 1), std::chrono::milliseconds(0));
    // A member that has lost its leader ends the watch instead of being silent.
    watch.headers["Grpc-Metadata-hasleader"] = "true";
    watch.silence = times_.silence;
    watch.stream = [this](std::string_view piece) { return on_piece(piece); };
    watch_ = client_.start(std::move(watch), [this](const Answer& answer) { on_watch_ended(answer); });
    check_later();
}

bool EtcdSource::on_piece(std::string_view piece) {
    // Who ends the watch lets go of the stream.
    const std::shared_ptr<ObjectStream> stream = stream_;
    bool goes_on = true;
    const auto fed = stream->feed(piece, [&](const boost::json::object& object) {
        const auto watched = parse_watched(object);
        if (!watched) cannot_read(watched.error());
        goes_on = watched && on_watched(*watched) && stream == stream_;
        return goes_on;
    });
    if (!fed) cannot_read(fed.error());
    return fed && goes_on;
}

// False: the watch is over, and what comes next is under way.
bool EtcdSource::on_watched(const Watched& watched) {
    if (watched.canceled) {
        if (watched.compact_revision != 0)
            begin_anew("what changed since was compacted");
        else
            on_complaint(watched.complaint);
        return false;
    }
    created_ = created_ || watched.created;
    for (const auto& event : watched.events) {
        const auto unit = unit_name(settings_.prefix, event.item.key);
        const bool is_announced = announced_.takes(unit);
        if (event.deleted && is_announced)
            announced_.remove(unit);
        else if (event.deleted)
            units_.remove(unit);
        else if (is_announced)
            announced_.put(unit, event.item.value);
        else
            units_.put(unit, event.item.value);
        // The intake may have asked for everything again.
        if (state_ != State::watching) return false;
    }
    // What etcd says first is from before it looked for changes since the revision that it was asked for.
    if (!watched.created) revision_ = std::max(revision_, watched.revision);
    intake_.answered();
    return true;
}

void EtcdSource::on_watch_ended(const Answer& answer) {
    if (answer && answer->status != 200) return on_complaint(parse_complaint(answer->status, answer->body));
    if (answer) return fail(Failure::unreachable, "follow", "it ended the watch");
    // It answers the checks, and has had nothing to say.
    if (answer.error().kind == web::AsyncError::Kind::timeout && created_) return connect();
    on_error(answer.error());
}

void EtcdSource::check() {
    if (!created_) return fail(Failure::timeout, "follow", "it did not confirm the watch");
    question_ = ask("/v3/kv/range", count_request(settings_.prefix), times_.answer, &EtcdSource::on_count);
}

void EtcdSource::on_count(const std::string& body) {
    const auto range = parse_range(body);
    if (!range) return cannot_read(range.error());
    const bool is_behind = range->revision > revision_ && range->count != static_cast<std::int64_t>(keys());
    behind_ = is_behind ? behind_ + 1 : 0;
    if (behind_ >= behind_too_often)
        return fail(Failure::timeout, "follow",
                    fmt::format("its watch has not told how {} keys became {}", keys(), range->count));
    backoff_.reset();
    token_is_fresh_ = false;
    restarts_ = 0;
    if (!is_behind) intake_.answered();
    check_later();
}

}  // namespace meshd::registry::etcd
