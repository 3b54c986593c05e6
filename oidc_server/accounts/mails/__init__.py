"""What mails and text messages say, composed when they are sent: one module for each subject."""

from collections.abc import Mapping

from oidc_server.accounts.mails import (
    closing,
    codes,
    devices,
    email_change,
    invitation,
    recovery,
    registration,
    second_factors,
)
from oidc_server.messages.kinds import Kind
from oidc_server.messages.queue import Composer

COMPOSERS: Mapping[Kind, Composer] = {
    **registration.COMPOSERS,
    **recovery.COMPOSERS,
    **email_change.COMPOSERS,
    **closing.COMPOSERS,
    **devices.COMPOSERS,
    **invitation.COMPOSERS,
    **codes.COMPOSERS,
    **second_factors.COMPOSERS,
}
