"""All faults, in the order in which they are listed."""

from campaign_simulator.clue_faults import CLUE_FAULTS
from campaign_simulator.database_faults import DATABASE_FAULTS
from campaign_simulator.delivery_faults import DELIVERY_FAULTS
from campaign_simulator.option_faults import OPTION_FAULTS
from campaign_simulator.outlook_faults import OUTLOOK_FAULTS
from campaign_simulator.platform_faults import PLATFORM_FAULTS
from campaign_simulator.sending_faults import SENDING_FAULTS
from campaign_simulator.workflow_faults import WORKFLOW_FAULTS

FAULTS = (
    *PLATFORM_FAULTS,
    *WORKFLOW_FAULTS,
    *DELIVERY_FAULTS,
    *SENDING_FAULTS,
    *OUTLOOK_FAULTS,
    *CLUE_FAULTS,
    *OPTION_FAULTS,
    *DATABASE_FAULTS,
)
