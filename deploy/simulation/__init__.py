"""A rehearsal: a forum's days played against a running system, by what it offers over HTTP."""
