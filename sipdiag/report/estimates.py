"""What was measured: lifetimes, registrations, keepalives, reach, and each NAT."""

from __future__ import annotations

from collections.abc import Sequence

from sipdiag.advice import refresh_interval
from sipdiag.findings.context import Context, peer_subject
from sipdiag.findings.keepalives import audit
from sipdiag.findings.reach import Fate, Reach
from sipdiag.findings.reachable import reachable
from sipdiag.findings.routers import Router, routers
from sipdiag.flows.nat_tests import nat_uac_test
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.report.model import (
    Estimates,
    KeepaliveInfo,
    LifetimeInfo,
    NatTestsInfo,
    ReachableInfo,
    RegistrationInfo,
    RouterInfo,
)


def estimates(contexts: Sequence[Context]) -> Estimates:
    """Of several sources that measured the same client, the one that saw a failure, and of those
    one with exact times, is believed."""
    made = Estimates()
    best: dict[str, tuple[Peer, Context]] = {}
    for context in contexts:
        for peer in context.subjects.peers:
            subject = peer_subject(peer).ident
            if subject not in best or _worth(peer, context) > _worth(*best[subject]):
                best[subject] = (peer, context)
    for subject, (peer, context) in best.items():
        _add_estimates(made, subject, context.reach(peer))
        _add_contact(made, subject, context.reach(peer), context.subjects)
    for context in contexts:
        known = {router.address for router in made.routers}
        found = routers(context)
        made.routers += [_router(r) for r in found if r.address not in known]
    return made


def _worth(peer: Peer, context: Context) -> tuple[bool, bool]:
    return context.reach(peer).failed_s is not None, context.subjects.source.bytes_exact


def _router(router: Router) -> RouterInfo:
    lower, upper = router.lifetime
    return RouterInfo(
        router.address,
        list(router.clients),
        None if lower is None else round(lower, 3),
        None if upper is None else round(upper, 3),
        router.agree,
        router.survived_count,
        router.failed_count,
        router.inbound_refreshes,
        router.keeps_ports,
        router.endpoint_independent,
        router.lets_in_others,
    )


def _add_contact(made: Estimates, subject: str, reach: Reach, subjects: Subjects) -> None:
    """How the client is kept in reach, and how much of the time it was."""
    share = reachable(reach, subjects)
    if share is not None:
        made.reachable.append(
            ReachableInfo(subject, share.alive, share.dead, share.unknown, round(share.span_s, 3))
        )
    registration = reach.peer.registration
    if registration is not None and registration.newest is not None:
        attempt = registration.attempts[-1]
        bits = nat_uac_test(registration.newest, attempt.src, attempt.transport)
        made.nat_tests.append(NatTestsInfo(subject, bits.kamailio, bits.opensips))
    made.keepalives += [
        KeepaliveInfo(
            subject,
            kept.kind,
            "client" if kept.by_client else "pbx",
            kept.sent_count,
            None if kept.every_s is None else round(kept.every_s, 3),
            kept.answered_count,
            kept.refreshes,
        )
        for kept in audit(reach.peer, subjects)
    ]


def _add_estimates(made: Estimates, subject: str, reach: Reach) -> None:
    lower, upper = reach.lifetime
    if lower is not None or upper is not None:
        refresh = refresh_interval(reach.lifetime) if upper is not None else None
        made.nat_lifetime.append(
            LifetimeInfo(
                subject,
                None if lower is None else round(lower, 3),
                None if upper is None else round(upper, 3),
                len(reach.got_through()),
                len(reach.of(Fate.EXPIRED)),
                refresh.seconds if refresh else None,
                refresh.assumed if refresh else None,
            )
        )
    registration = reach.peer.registration
    if registration is not None:
        observed = registration.observed_s
        made.registration_interval.append(
            RegistrationInfo(
                subject,
                registration.granted_s,
                None if observed is None else round(observed, 3),
            )
        )
