"""How what the simulator knows looks in the columns of Campaign's tables."""

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from campaign_simulator.journal import AddressError, JobLog, Option, SmtpStat, TrackingLog, TrackingStat, Url, Workflow
from campaign_simulator.model import Account, Delivery, Part, SendingStat, Typology
from campaign_simulator.sending import MAX_RETRY, Answer
from campaign_simulator.vocabulary import DOMAINS, Approval, FailureReason, LogStatus

Row = Mapping[str, object]

RECIPIENTS = 2_000
LOG_ADDRESS = f"'user' || log || '@' || (ARRAY{list(DOMAINS)})[1 + mod(log, {len(DOMAINS)})]"
LOG_RECIPIENT = f"1 + mod(log, {RECIPIENTS})"
_ROUTING = 3  # NmsExtAccount.iType
_RETRY_PERIOD_SECONDS = 90.0
_APPROVAL_COLUMNS = {
    Approval.CONTENT: "iUseContentValidation",
    Approval.TARGET: "iUseTargetValidation",
    Approval.EXTRACTION: "iUseExtractionValidation",
    Approval.BUDGET: "iUseBudgetValidation",
    Approval.FCP: "iUseFCPValidation",
}
_STATS_PERIOD = timedelta(minutes=5)


def delivery_row(delivery: Delivery) -> Row:
    """Return a delivery's columns of NmsDelivery."""
    return {
        "iDeliveryId": delivery.delivery_id,
        "sInternalName": delivery.internal_name,
        "sLabel": delivery.label,
        "sXtkschema": "nms:delivery",
        "iState": int(delivery.state),
        "iDeliveryMode": int(delivery.mode),
        "iMessageType": int(delivery.channel),
        "sIPAffinity": delivery.affinity,
        "iTypologyId": delivery.typology.typology_id if delivery.typology else 0,
        "iDeliveryProviderId": delivery.account.account_id if delivery.account else 0,
        "iOperationId": delivery.operation_id,
        "iWorkflowId": delivery.workflow_id,
        "iMidRemoteId": delivery.mid_remote_id,
        # which of the two is the priority that marketers choose is not documented
        "iPriority": int(delivery.priority),
        "iMsgPriority": int(delivery.priority),
        **{column: int(approval in delivery.approvals) for approval, column in _APPROVAL_COLUMNS.items()},
        "iMaxRetry": MAX_RETRY,
        "dRetryPeriod": _RETRY_PERIOD_SECONDS,
        **_dates(delivery),
        **_counters(delivery),
    }


def _dates(delivery: Delivery) -> Row:
    """Return the columns of time."""
    return {
        "tsCreated": delivery.created,
        "tsLastModified": delivery.modified,
        "tsContact": delivery.contact,
        "tsValidity": delivery.validity,
        "tsStart": delivery.started,
        "tsPassStart": delivery.broad_start,
        "tsNextPass": delivery.next_pass,
        "tsBroadStart": delivery.broad_start,
        "tsBroadEnd": delivery.broad_end,
        "tsEnd": delivery.broad_end,
    }


def _counters(delivery: Delivery) -> Row:
    """Return the counters."""
    reasons, tracking = delivery.reasons, delivery.tracking
    return {
        "iToDeliver": delivery.to_deliver,
        "iProcessed": delivery.processed,
        "iSuccess": delivery.success,
        "iSent": delivery.success,
        "iHtml": delivery.to_deliver,
        "iReject": delivery.rejected,
        "iError": delivery.error,
        "iErrorPending": len(delivery.softly_bounced) + _waiting_for_retry(delivery),
        "iNewQuarantine": delivery.new_quarantine,
        "iUnknownUser": reasons.get(FailureReason.USER_UNKNOWN, 0),
        "iInvalidDomain": reasons.get(FailureReason.INVALID_DOMAIN, 0),
        "iUnreachable": reasons.get(FailureReason.UNREACHABLE, 0),
        "iMailboxFull": reasons.get(FailureReason.MAILBOX_FULL, 0),
        "iRefused": reasons.get(FailureReason.REFUSED, 0),
        "iRetry": delivery.retries,
        "iRecipientOpen": tracking.openers,
        "iTotalRecipientOpen": tracking.opens,
        "iRecipientClick": tracking.clickers,
        "iTotalRecipientClick": tracking.clicks,
        "iPersonClick": tracking.clickers,
        "iOptOut": tracking.opt_outs,
        "iMirrorPage": tracking.mirror_pages,
    }


def _waiting_for_retry(delivery: Delivery) -> int:
    """Return the messages in parts that were tried before and are not tried again yet."""
    return sum(len(part.logs) - part.sent for part in delivery.parts.values() if part.retry)


def part_row(part: Part) -> Row:
    """Return a part's columns of NmsDeliveryPart."""
    return {
        "iDeliveryPartId": part.part_id,
        "iDeliveryId": part.delivery_id,
        "iProcessId": part.process_id,
        "sHostname": part.hostname,
        "iRcpCount": len(part.logs),
        "iRetry": part.retry,
        "tsNextPass": part.next_pass,
        "tsStart": part.next_pass,
    }


def stat_row(stat: SendingStat) -> Row:
    """Return the columns of NmsDeliveryStat."""
    return {
        "tsDate": stat.date,
        "iDeliveryId": stat.delivery_id,
        "iFirstSuccess": stat.first_success,
        "iFirstError": stat.first_error,
        "iRetriesSuccess": stat.retries_success,
        "iRetriesError": stat.retries_error,
        "dVolume": stat.volume,
        "iVerifyMode": stat.verify_mode,
    }


def smtp_stat_row(stat: SmtpStat) -> Row:
    """Return the columns of NmsEmailErrorStat."""
    return {
        "tsDate": stat.date,
        "iMXIP": stat.mx,
        "iPublicId": stat.public_id,
        "iTotalConnections": stat.connections,
        "iTotalErrors": stat.message + stat.unconnected,
        "iMessageErrors": stat.message,
        "iRefusedConnections": stat.refused,
        "iTimeoutConnections": stat.timeout,
        "iSentMessages": stat.sent,
        "iHitCount": 1,
    }


def smtp_reply_row(stat: SmtpStat) -> Row:
    """Return the columns of NmsEmailError."""
    code, text = stat.reply or (0, "")
    return {
        "iMXIP": stat.mx,
        "iPublicId": stat.public_id,
        "iLastReplyCode": code,
        "sLastReplyMessage": text,
        "tsLast": stat.last,
    }


def address_row(error: AddressError) -> Row:
    """Return the columns of NmsAddress; of its statuses only that of valid addresses, 2, is documented."""
    return {
        "iAddressId": error.log_id,
        "sAddress": f"user{error.log_id}@mail.example",
        "iType": 0,
        "iStatus": 2,
        "iQuarantineReason": error.reason,
        "iConsecutiveError": 1,
        "tsCreated": error.when,
        "tsLastError": error.when,
        "tsLastModified": error.when,
    }


def url_row(url: Url) -> Row:
    """Return the columns of NmsTrackingUrl."""
    return {
        "iTrackingUrlId": url.url_id,
        "iDeliveryId": url.delivery_id,
        "iType": int(url.kind),
        "sLabel": url.kind.name.replace("_", " ").capitalize(),
        "sSource": "https://shop.example/",
    }


def tracking_log_row(log: TrackingLog) -> Row:
    """Return the columns of NmsTrackingLogRcp."""
    return {
        "iTrackingLogId": log.tracking_log_id,
        "iBroadLogId": log.log_id,
        "iDeliveryId": log.delivery_id,
        "iRecipientId": recipient_of(log.log_id),
        "iUrlId": log.url_id,
        "tsLog": log.when,
    }


def tracking_stat_row(stat: TrackingStat) -> Row:
    """Return the columns of NmsTrackingStats."""
    return {
        "iTrackingStatsId": stat.stats_id,
        "iDeliveryId": stat.delivery_id,
        "iUrlId": stat.url_id,
        "iTotalClicks": stat.clicks,
        "tsStart": stat.start,
        "tsEnd": stat.start + _STATS_PERIOD,
    }


def workflow_row(workflow: Workflow) -> Row:
    """Return the columns of XtkWorkflow."""
    technical = workflow.operation_id == 0
    return {
        "iWorkflowId": workflow.workflow_id,
        "sInternalName": workflow.name,
        "sLabel": workflow.name,
        "iState": int(workflow.state),
        "iFailed": int(workflow.failed),
        "iBuiltIn": int(technical),
        "iProduction": int(technical),
        "iOperationId": workflow.operation_id,
        "tsProcess": workflow.last_run,
        "tsNextProcessing": workflow.next_run,
        "tsLastModified": workflow.last_run,
    }


def job_log_row(log: JobLog) -> Row:
    """Return the columns of XtkJobLog."""
    return {"iJobLogId": log.log_id, "iJobId": log.delivery_id, "sMessage": log.message, "tsLog": log.when}


def option_row(option: Option) -> Row:
    """Return the columns of XtkOption."""
    return {
        "iOptionId": zlib.crc32(option.name.encode()) >> 1,
        "sName": option.name,
        "sStringValue": option.text,
        "iLongValue": option.number,
        "tsTimeStampValue": option.moment,
    }


def account_row(account: Account) -> Row:
    """Return the columns of NmsExtAccount."""
    return {
        "iExtAccountId": account.account_id,
        "sName": account.name,
        "sLabel": account.name,
        "iActive": int(account.active),
        "iType": _ROUTING,
        "iMessageType": int(account.channel),
        "iDeliveryMode": int(account.mode),
        "sAccount": "campaign",
        "sPassword": "a-password-to-keep-secret",
    }


def typology_row(typology: Typology) -> Row:
    """Return the columns of NmsTypology."""
    return {
        "iTypologyId": typology.typology_id,
        "sName": typology.name,
        "sLabel": typology.name,
        "sIPAffinity": typology.affinity,
    }


def answer_row(answer: Answer, when: datetime) -> Row:
    """Return the columns of NmsBroadLogMsg."""
    return {
        "iBroadLogMsgId": answer.message_id,
        "iFailureType": int(answer.kind),
        "iFailureReason": int(answer.reason),
        "sText": answer.text,
        "sFirstText": answer.text,
        "sMd5": f"{answer.message_id:032x}",
        "tsCreated": when,
        "tsLastModified": when,
    }


def recipient_of(log_id: int) -> int:
    """Return the recipient whom a delivery log is about."""
    return 1 + log_id % RECIPIENTS


PENDING_LOG = int(LogStatus.PENDING)
