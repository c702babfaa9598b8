"""The domain of Treuepass: merchants, card templates, customers, cards and what they are worth.

Nothing here knows Flask, a vendor's wallet or an HTTP client. Functions take the session first
and never commit; the edges (web, worker, Issuer) do.
"""
