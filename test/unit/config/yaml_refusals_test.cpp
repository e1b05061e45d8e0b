// SPDX-License-Identifier: Apache-2.0
// What no file may have in it, whatever it is about.
#include <gtest/gtest.h>

#include "refusals.hpp"

namespace meshd::config {
namespace {

const Refusal table[] = {
    {"TabAsIndentation", "services:\n\t- name: web\n",
     "2:2: not valid YAML: illegal block entry; indent with spaces, not with tabs"},
    {"ListIsNotClosed", "services: [{name: web}\n", "2:1: not valid YAML: end of sequence flow not found"},
    {"BracketTooMany", "services: []]\n", "1:13: not valid YAML: illegal flow end"},
    {"QuoteIsNotClosed", "services:\n  - name: \"web\n", "2:11: the quote that begins here is not closed"},
    {"SingleQuoteIsNotClosed", "services:\n  - name: 'it''s\n", "2:11: the quote that begins here is not closed"},
    {"TwoDocuments", "services: []\n---\nservices: []\n",
     "2:1: a second document begins here, expected one document in a file; remove the line \"---\" or put the documents into "
     "files of their own"},
    {"Anchor", "services:\n  - &web {name: web}\n", "2:5: anchors (&name) are not accepted; write the value out"},
    {"Alias", "a: &x 1\nb: *x\n", "1:4: anchors (&name) are not accepted; write the value out"},
    {"AliasOfNothing", "services: *all\n", "1:11: aliases (*name) are not accepted; write the value out"},
    {"Tag", "services: !!set {a, b}\n", "1:11: tags are not accepted, found \"tag:yaml.org,2002:set\"; remove the tag"},
    {"KeyIsAList", "? [services]\n: 1\n", "1:3: found a list or a mapping where a key was expected"},
    {"KeyIsNothing", "~: 1\n", "1:1: found nothing where a key was expected"},
    {"TooDeep", std::string(33, '[') + std::string(33, ']') + "\n", "1:33: lists and mappings are nested more than 32 deep"},
    {"NotUtf8", "services: [] # caf\351\n", "1:19: found bytes that are not UTF-8; save the file as UTF-8"},
    {"ControlCharacter", "services: []\n# \004\n", "2:3: found a control character; remove it"},
    {"Utf16", std::string("\377\376s\0e\0r\0", 8), "1:1: found bytes that are not UTF-8; save the file as UTF-8"},
    {"KeyTwice", "services: []\nservices: []\n", "2:1: the key \"services\" is given twice, first in line 1"},
    {"KeyTwiceInAService", service({.extra = "    port: 81\n"}), "5:5: the key \"port\" is given twice, first in line 4"},
    {"KeyTwiceInABackend", service({.backends = "    backends: [{address: 10.0.0.1, address: 10.0.0.2}]\n"}),
     "5:36: the key \"address\" is given twice, first in line 5"},
};

INSTANTIATE_TEST_SUITE_P(Yaml, RegistryRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
