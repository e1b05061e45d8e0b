// SPDX-License-Identifier: Apache-2.0
#include "policy/compile.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include <arpa/inet.h>

#include "policy/evaluate.hpp"

namespace meshd::policy {

namespace {

using Classes = std::vector<std::uint32_t>;

const base::Prefix all_of_v4 = *base::Prefix::parse("0.0.0.0/0");

// Prefixes in the order of their addresses, shorter ones first: all that lie within one stand right behind it.
class PrefixClasses {
public:
    void add(const base::Prefix& prefix) {
        classes_.try_emplace({prefix.address, prefix.length}, 0);
        // In the trie IPv4 addresses lie within short prefixes of IPv6: there they find a class of their own first.
        if (!prefix.is_v4()) classes_.try_emplace({all_of_v4.address, all_of_v4.length}, 0);
    }

    void number(std::uint32_t& next) {
        for (auto& [prefix, id] : classes_) id = next++;
    }

    // Of all prefixes within this one, which has been added.
    [[nodiscard]] Classes within(const base::Prefix& prefix) const {
        Classes result;
        for (auto at = classes_.find({prefix.address, prefix.length}); at != classes_.end(); ++at) {
            const base::Prefix other{at->first.first, at->first.second};
            if (prefix.contains(other))
                result.push_back(at->second);
            else if (prefix.is_v4() || !other.is_v4())
                break;
        }
        return result;
    }

    void encode(md_prefix_kind kind, Compiled& into) const {
        for (const auto& [prefix, id] : classes_) {
            md_prefix key{};
            key.length = MD_PREFIX_HEAD + prefix.second;
            key.kind = static_cast<std::uint8_t>(kind);
            std::memcpy(key.address.bytes, prefix.first.bytes.data(), sizeof key.address.bytes);
            into.prefixes.emplace(key, id);
        }
    }

private:
    std::map<std::pair<base::IpAddress, std::uint8_t>, std::uint32_t> classes_;
};

// A source that is bound to no address.
struct Unbound {
    std::vector<base::Prefix> addresses;
    std::uint32_t id = 0;
};

class Compiler {
public:
    Compiler(const Source& source, const Surroundings& here) : here_(here) {
        result_.ordered = in_order(source.rules);
        std::erase_if(result_.ordered, [](const model::Rule& rule) { return !rule.identity.empty(); });
        result_.head.default_verdict = source.otherwise == model::Action::deny ? MD_VERDICT_DENY : MD_VERDICT_ALLOW;
        result_.head.audit = source.audit ? 1 : 0;
        // Of a packet at a device nothing is known of the workload that sent it.
        const bool denies = std::any_of(result_.ordered.begin(), result_.ordered.end(), [](const model::Rule& rule) {
            return rule.action == model::Action::deny && rule.workload.empty();
        });
        result_.head.denies_packets = denies || result_.head.default_verdict == MD_VERDICT_DENY ? 1 : 0;
        result_.head.netns = here.netns;
        result_.head.exempt_user = here.exempt_user;
    }

    base::Result<Compiled> run(const Bounds& bounds) {
        make_classes();
        if (result_.ids.size() > bounds.ids)
            return too_large("its rules name services and workloads with " + std::to_string(result_.ids.size()) +
                             " addresses, more than " + std::to_string(bounds.ids));
        for (std::size_t rank = 0; rank < result_.ordered.size(); ++rank) {
            add_verdicts(static_cast<std::uint32_t>(rank), bounds.verdicts);
            if (result_.verdicts.size() > bounds.verdicts)
                return too_large("its rules make more than " + std::to_string(bounds.verdicts) +
                                 " pairs of a source and a destination");
        }
        return std::move(result_);
    }

    static tl::unexpected<base::Error> too_large(std::string why) {
        return base::fail({"put in force", "the policy", 0, std::move(why),
                           "write fewer rules, or fewer that have a range as source and one as destination"});
    }

private:
    void make_classes() {
        for (const auto& rule : result_.ordered) {
            if (rule.from) sources_.add(*rule.from);
            if (rule.to) destinations_.add(*rule.to);
            if (!rule.workload.empty()) workloads_.try_emplace(rule.workload, 0);
            if (!rule.service.empty()) services_.try_emplace(rule.service, 0);
        }
        std::uint32_t next = 1;
        sources_.number(next);
        auto& head = result_.head;
        unbound_ = {{{here_.local_v4, next},
                     {here_.local_v6, next + 1},
                     {Surroundings::unknown_v4(), next + 2},
                     {Surroundings::unknown_v6(), next + 3}}};
        head.local_v4 = next++;
        head.local_v6 = next++;
        head.unknown_v4 = next++;
        head.unknown_v6 = next++;
        destinations_.number(next);
        for (auto& [path, id] : workloads_) id = next++;
        for (auto& [name, id] : services_) id = next++;
        sources_.encode(MD_PREFIX_SOURCE, result_);
        destinations_.encode(MD_PREFIX_DESTINATION, result_);
        encode_ids();
    }

    void encode_ids() {
        for (const auto& [path, id] : workloads_) {
            const auto found = here_.workloads.find(path);
            if (found == here_.workloads.end()) continue;
            md_policy_id key{};
            key.kind = MD_ID_WORKLOAD;
            std::memcpy(&key.endpoint.address, &found->second, sizeof found->second);
            result_.ids.emplace(key, id);
        }
        for (const auto& [name, id] : services_) {
            const auto found = here_.services.find(name);
            if (found == here_.services.end()) continue;
            for (const auto& endpoint : found->second) {
                md_policy_id key{};
                key.kind = MD_ID_SERVICE;
                key.endpoint = endpoint;
                result_.ids.emplace(key, id);
            }
        }
    }

    [[nodiscard]] Classes source_classes(const model::Rule& rule) const {
        if (!rule.workload.empty()) {
            Classes result;
            for (const auto& [path, id] : workloads_)
                if (is_within(path, rule.workload)) result.push_back(id);
            return result;
        }
        if (!rule.from) return {0};
        auto result = sources_.within(*rule.from);
        for (const auto& unbound : unbound_)
            if (matches_addresses(rule, unbound.addresses)) result.push_back(unbound.id);
        return result;
    }

    [[nodiscard]] Classes destination_classes(const model::Rule& rule) const {
        if (!rule.service.empty()) return {services_.at(rule.service)};
        return rule.to ? destinations_.within(*rule.to) : Classes{0};
    }

    // Rules come in the order of their rank, so the first that takes a place is the most specific there.
    void add_verdicts(std::uint32_t rank, std::size_t most) {
        const auto& rule = result_.ordered[rank];
        md_verdict_key key{};
        key.port = htons(rule.port);
        key.protocol = rule.protocol ? static_cast<std::uint8_t>(*rule.protocol) : 0;
        const int from = !rule.workload.empty() ? MD_SOURCE_WORKLOAD : rule.from ? MD_SOURCE_CIDR : MD_SOURCE_ANY;
        const int to = !rule.service.empty() ? MD_DESTINATION_SERVICE : rule.to ? MD_DESTINATION_CIDR : MD_DESTINATION_ANY;
        key.pattern = static_cast<std::uint8_t>(MD_PATTERN(from, to, rule.port != 0, rule.protocol.has_value()));
        md_verdict verdict{};
        verdict.rule = model::rule_id(rule);
        verdict.rank = rank;
        verdict.verdict = rule.action == model::Action::deny ? MD_VERDICT_DENY : MD_VERDICT_ALLOW;
        result_.head.patterns |= std::uint64_t{1} << key.pattern;
        const auto destinations = destination_classes(rule);
        for (const auto source : source_classes(rule)) {
            key.source = source;
            for (const auto destination : destinations) {
                key.destination = destination;
                result_.verdicts.emplace(key, verdict);
                if (result_.verdicts.size() > most) return;
            }
        }
    }

    const Surroundings& here_;
    Compiled result_;
    PrefixClasses sources_, destinations_;
    std::array<Unbound, 4> unbound_;
    std::map<std::string, std::uint32_t, std::less<>> workloads_, services_;
};

template <typename A, typename B>
bool same(const A& a, const B& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& left, const auto& right) {
        return reconcile::same_bytes(left.first, right.first) &&
               std::memcmp(&left.second, &right.second, sizeof left.second) == 0;
    });
}

}  // namespace

bool Compiled::same_as(const Compiled& other) const {
    return reconcile::same_bytes(head, other.head) && ordered == other.ordered && same(prefixes, other.prefixes) &&
           same(ids, other.ids) && same(verdicts, other.verdicts);
}

base::Result<Compiled> compile(const Source& source, const Surroundings& here, const Bounds& bounds) {
    if (source.rules.size() > bounds.rules)
        return Compiler::too_large("it has " + std::to_string(source.rules.size()) + " rules, more than " +
                                   std::to_string(bounds.rules));
    std::set<std::uint64_t> ids;
    for (const auto& rule : source.rules)
        if (!ids.insert(model::rule_id(rule)).second)
            return base::fail({"put in force", "the policy", 0,
                               "rule " + rule.name + " of " + rule.source + " cannot be told from another",
                               "give it another name"});
    return Compiler(source, here).run(bounds);
}

}  // namespace meshd::policy
