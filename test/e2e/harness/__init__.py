# SPDX-License-Identifier: Apache-2.0
"""What end-to-end tests, stress tests, measurements and the demo share: an agent in a place of its own, and things to talk to.

Standard library only. Everything that is started carries the session's mark, so that leftovers can be found."""
