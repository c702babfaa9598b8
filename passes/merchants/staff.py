"""Staff: accounts with password hashes, and their roles at a merchant (D.22)."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select
from sqlalchemy.orm import Session

from passes import ids
from passes.errors import Conflict, Invalid, WrongField
from passes.merchants.models import StaffAccount, StaffMember
from passes.store import merchant_of

ROLES = ("owner", "manager", "staff", "marketing", "developer")
SHORTEST_PASSWORD = 12

# OWASP's figures; argon2-cffi's own defaults cost 1.5 s on two busy cores.
_hasher = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)


def open_account(
    session: Session, *, email: str, name: str, password: str, language: str, now: datetime
) -> StaffAccount:
    """A person who can sign in. Raises Invalid, or Conflict when the e-mail is taken."""
    wrong = []
    try:
        email = validate_email(email, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        wrong.append(WrongField("email", "must be an e-mail address"))
    if not SHORTEST_PASSWORD <= len(password) <= 256:
        wrong.append(
            WrongField("password", f"must have {SHORTEST_PASSWORD} to 256 characters", "LENGTH")
        )
    if wrong:
        raise Invalid(wrong)
    email = email.lower()
    if session.scalar(select(StaffAccount.id).where(StaffAccount.email == email)):
        raise Conflict("Somebody signs in with this e-mail already.", code="EMAIL_TAKEN")
    account = StaffAccount(
        id=ids.new_id(),
        email=email,
        name=name.strip(),
        language=language,
        password_hash=_hasher.hash(password),
        created_at=now,
    )
    session.add(account)
    session.flush()
    return account


def employ(session: Session, account: StaffAccount, role: str, now: datetime) -> StaffMember:
    """Gives a person a role at the session's merchant, at all of its locations."""
    if role not in ROLES:
        raise Invalid.field("role", f"must be one of {', '.join(ROLES)}")
    member = StaffMember(
        merchant_id=merchant_of(session),
        id=ids.new_id(),
        account_id=account.id,
        role=role,
        location_ids=[],
        created_at=now,
    )
    session.add(member)
    session.flush()
    return member


def password_is_right(account: StaffAccount | None, password: str) -> bool:
    """Whether the password opens the account; takes as long when there is no such account."""
    try:
        _hasher.verify(account.password_hash if account else _hash_of_nobody(), password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return account is not None


@cache
def _hash_of_nobody() -> str:
    return _hasher.hash(ids.new_key().hex())
