-- The documented tables of an Adobe Campaign Classic v7 database that monitoring has a use for.
-- Names, columns and indexes are the product's; a type that is not documented follows the prefix of the column's name:
-- i integer, s varchar, ts timestamp with time zone, d double, m text.
-- Run with the search path on the wanted schema. TIMESTAMPTZ is replaced where the database is one without time zones.

CREATE SEQUENCE XtkNewId START 1000;

CREATE TABLE NmsDelivery (
    iDeliveryId INTEGER NOT NULL DEFAULT 0, sInternalName VARCHAR(100), sLabel VARCHAR(128), sDeliveryCode VARCHAR(64),
    sNature VARCHAR(64), iFolderId INTEGER DEFAULT 0, iFolderProcessId INTEGER DEFAULT 0, iBuiltIn INTEGER DEFAULT 0,
    iIsModel INTEGER DEFAULT 0, iDeleteStatus INTEGER DEFAULT 0, sXtkschema VARCHAR(100),
    iState INTEGER DEFAULT 0, iStatus INTEGER DEFAULT 0, iAnalysisStep INTEGER DEFAULT 0, iDisabled INTEGER DEFAULT 0,
    iDelayed INTEGER DEFAULT 0, iDirty INTEGER DEFAULT 0, iFCP INTEGER DEFAULT 0,
    iDeliveryMode INTEGER DEFAULT 0, iMessageType INTEGER DEFAULT 0,
    iPriority INTEGER DEFAULT 0, iMsgPriority INTEGER DEFAULT 0, iWeight INTEGER DEFAULT 0, iWeightType INTEGER DEFAULT 0,
    tsCreated TIMESTAMPTZ, tsLastModified TIMESTAMPTZ, tsContact TIMESTAMPTZ, tsExtraction TIMESTAMPTZ,
    tsExtracted TIMESTAMPTZ, tsStart TIMESTAMPTZ, tsEnd TIMESTAMPTZ, tsPassStart TIMESTAMPTZ, tsNextPass TIMESTAMPTZ,
    tsBroadStart TIMESTAMPTZ, tsBroadEnd TIMESTAMPTZ, tsValidity TIMESTAMPTZ, tsWebValidity TIMESTAMPTZ,
    tsDelete TIMESTAMPTZ, tsLastErrorComputation TIMESTAMPTZ, tsLastTrackingComputation TIMESTAMPTZ,
    iToDeliver INTEGER DEFAULT 0, iProcessed INTEGER DEFAULT 0, iSuccess INTEGER DEFAULT 0, iSent INTEGER DEFAULT 0,
    iReject INTEGER DEFAULT 0, iImportReject INTEGER DEFAULT 0, iCtrlGrpReject INTEGER DEFAULT 0,
    iSeedProcessed INTEGER DEFAULT 0, iHtml INTEGER DEFAULT 0, iText INTEGER DEFAULT 0, iMultipart INTEGER DEFAULT 0,
    iForward INTEGER DEFAULT 0,
    iError INTEGER DEFAULT 0, iErrorPending INTEGER DEFAULT 0, iNewQuarantine INTEGER DEFAULT 0,
    iUnknownUser INTEGER DEFAULT 0, iInvalidDomain INTEGER DEFAULT 0, iUnreachable INTEGER DEFAULT 0,
    iMailboxFull INTEGER DEFAULT 0, iRefused INTEGER DEFAULT 0, iNotConnected INTEGER DEFAULT 0,
    iRecipientOpen INTEGER DEFAULT 0, iTotalRecipientOpen INTEGER DEFAULT 0, iRecipientClick INTEGER DEFAULT 0,
    iTotalRecipientClick INTEGER DEFAULT 0, iPersonClick INTEGER DEFAULT 0, iOptOut INTEGER DEFAULT 0,
    iMirrorPage INTEGER DEFAULT 0, iWebPage INTEGER DEFAULT 0, iTotalWebPage INTEGER DEFAULT 0,
    iTransaction INTEGER DEFAULT 0, iArticle INTEGER DEFAULT 0, dAmount DOUBLE PRECISION DEFAULT 0,
    iTrackingPending INTEGER DEFAULT 0,
    iRetry INTEGER DEFAULT 0, iMaxRetry INTEGER DEFAULT 0, dRetryPeriod DOUBLE PRECISION DEFAULT 0,
    iMidSourcing INTEGER DEFAULT 0, iMidRemoteId INTEGER DEFAULT 0, iDeliveryProviderId INTEGER DEFAULT 0,
    iRoutingDeliveryId INTEGER DEFAULT 0, sIPAffinity VARCHAR(64), iTypologyId INTEGER DEFAULT 0,
    iMappingId INTEGER DEFAULT 0,
    iOperationId INTEGER DEFAULT 0, iOwnerOperationId INTEGER DEFAULT 0, iWorkflowId INTEGER DEFAULT 0,
    iLinkedDeliveryId INTEGER DEFAULT 0, iProofedDeliveryId INTEGER DEFAULT 0,
    iUseContentValidation INTEGER DEFAULT 0, iUseTargetValidation INTEGER DEFAULT 0,
    iUseExtractionValidation INTEGER DEFAULT 0, iUseBudgetValidation INTEGER DEFAULT 0,
    iUseFCPValidation INTEGER DEFAULT 0, iUseLinkedDeliveryValidation INTEGER DEFAULT 0,
    iExternalValidation INTEGER DEFAULT 0, iToValidate INTEGER DEFAULT 0, iValidationMode INTEGER DEFAULT 0,
    sValidationMode VARCHAR(64), iTargetStatus INTEGER DEFAULT 0, iContentStatus INTEGER DEFAULT 0,
    iBudgetStatus INTEGER DEFAULT 0, iExtractionStatus INTEGER DEFAULT 0, mData TEXT
);
CREATE UNIQUE INDEX NmsDelivery_id ON NmsDelivery (iDeliveryId);
CREATE UNIQUE INDEX NmsDelivery_internalName ON NmsDelivery (sInternalName);
CREATE INDEX NmsDelivery_deliveryMode ON NmsDelivery (iDeliveryMode, tsLastModified);
CREATE INDEX NmsDelivery_deliveryCode ON NmsDelivery (sDeliveryCode);
CREATE INDEX NmsDelivery_folderModified ON NmsDelivery (iFolderId, tsLastModified);
CREATE INDEX NmsDelivery_lastModified ON NmsDelivery (tsLastModified);
CREATE INDEX NmsDelivery_state ON NmsDelivery (iState);
CREATE INDEX NmsDelivery_builtIn ON NmsDelivery (iBuiltIn, sLabel);
CREATE INDEX NmsDelivery_operationId ON NmsDelivery (iOperationId);
CREATE INDEX NmsDelivery_ownerOperationId ON NmsDelivery (iOwnerOperationId);
CREATE INDEX NmsDelivery_workflowId ON NmsDelivery (iWorkflowId);
CREATE INDEX NmsDelivery_typologyId ON NmsDelivery (iTypologyId);
CREATE INDEX NmsDelivery_deliveryProviderId ON NmsDelivery (iDeliveryProviderId);
CREATE INDEX NmsDelivery_mappingId ON NmsDelivery (iMappingId);
CREATE INDEX NmsDelivery_routingDeliveryId ON NmsDelivery (iRoutingDeliveryId);
CREATE INDEX NmsDelivery_folderProcessId ON NmsDelivery (iFolderProcessId);
INSERT INTO NmsDelivery (iDeliveryId) VALUES (0);

CREATE TABLE NmsDeliveryPart (
    iDeliveryPartId INTEGER NOT NULL DEFAULT 0, iDeliveryId INTEGER DEFAULT 0, iProcessId INTEGER DEFAULT 0,
    sHostname VARCHAR(64), iRcpCount INTEGER DEFAULT 0, iRetry INTEGER DEFAULT 0, tsNextPass TIMESTAMPTZ,
    tsStart TIMESTAMPTZ, tsValidity TIMESTAMPTZ, mData TEXT
);
CREATE UNIQUE INDEX NmsDeliveryPart_id ON NmsDeliveryPart (iDeliveryPartId);
CREATE INDEX NmsDeliveryPart_state ON NmsDeliveryPart (iDeliveryId, tsNextPass);
INSERT INTO NmsDeliveryPart (iDeliveryPartId) VALUES (0);

CREATE TABLE NmsDeliveryStat (
    tsDate TIMESTAMPTZ, iDeliveryId INTEGER DEFAULT 0, iFirstSuccess INTEGER DEFAULT 0, iFirstError INTEGER DEFAULT 0,
    iRetriesSuccess INTEGER DEFAULT 0, iRetriesError INTEGER DEFAULT 0, dVolume DOUBLE PRECISION DEFAULT 0,
    iVerifyMode INTEGER DEFAULT 0
);
CREATE UNIQUE INDEX NmsDeliveryStat_date ON NmsDeliveryStat (tsDate, iDeliveryId);
CREATE INDEX NmsDeliveryStat_deliveryId ON NmsDeliveryStat (iDeliveryId);

CREATE TABLE NmsBroadLogRcp (
    iBroadLogId INTEGER NOT NULL DEFAULT 0, iDeliveryId INTEGER DEFAULT 0, iRecipientId INTEGER DEFAULT 0,
    iServiceId INTEGER DEFAULT 0, iMsgId INTEGER DEFAULT 0, iStatus INTEGER DEFAULT 0, iFlags INTEGER DEFAULT 0,
    sAddress VARCHAR(512), tsEvent TIMESTAMPTZ, tsLastModified TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsBroadLogRcp_id ON NmsBroadLogRcp (iBroadLogId);
CREATE INDEX NmsBroadLogRcp_lastModified ON NmsBroadLogRcp (tsLastModified);
CREATE INDEX NmsBroadLogRcp_deliveryId ON NmsBroadLogRcp (iDeliveryId, tsLastModified);
CREATE INDEX NmsBroadLogRcp_recipientId ON NmsBroadLogRcp (iRecipientId, tsLastModified);
INSERT INTO NmsBroadLogRcp (iBroadLogId) VALUES (0);

-- The same template as NmsBroadLogRcp; its own columns are not documented.
CREATE TABLE NmsBroadLogMid (
    iBroadLogId INTEGER NOT NULL DEFAULT 0, iDeliveryId INTEGER DEFAULT 0, iMsgId INTEGER DEFAULT 0,
    iStatus INTEGER DEFAULT 0, iFlags INTEGER DEFAULT 0, sAddress VARCHAR(512), tsEvent TIMESTAMPTZ,
    tsLastModified TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsBroadLogMid_id ON NmsBroadLogMid (iBroadLogId);
CREATE INDEX NmsBroadLogMid_lastModified ON NmsBroadLogMid (tsLastModified);
CREATE INDEX NmsBroadLogMid_deliveryId ON NmsBroadLogMid (iDeliveryId, tsLastModified);
INSERT INTO NmsBroadLogMid (iBroadLogId) VALUES (0);

CREATE TABLE NmsBroadLogMsg (
    iBroadLogMsgId INTEGER NOT NULL DEFAULT 0, iFailureType INTEGER DEFAULT 0, iFailureReason INTEGER DEFAULT 0,
    iQualifStatus INTEGER DEFAULT 0, iRuleId INTEGER DEFAULT 0, iCount INTEGER DEFAULT 0, sText VARCHAR(512),
    sFirstText VARCHAR(512), sFirstAddress VARCHAR(512), sMd5 VARCHAR(64), tsCreated TIMESTAMPTZ,
    tsLastModified TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsBroadLogMsg_id ON NmsBroadLogMsg (iBroadLogMsgId);
CREATE UNIQUE INDEX NmsBroadLogMsg_md5 ON NmsBroadLogMsg (sMd5);
CREATE INDEX NmsBroadLogMsg_count ON NmsBroadLogMsg (iCount);
CREATE INDEX NmsBroadLogMsg_ruleId ON NmsBroadLogMsg (iRuleId);
INSERT INTO NmsBroadLogMsg (iBroadLogMsgId) VALUES (0);

CREATE TABLE NmsExcludeLogRcp (
    iExcludeLogId INTEGER NOT NULL DEFAULT 0, iDeliveryId INTEGER DEFAULT 0, iRecipientId INTEGER DEFAULT 0,
    iMsgId INTEGER DEFAULT 0, iStatus INTEGER DEFAULT 0, iFlags INTEGER DEFAULT 0, sAddress VARCHAR(512),
    tsEvent TIMESTAMPTZ, tsLastModified TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsExcludeLogRcp_id ON NmsExcludeLogRcp (iExcludeLogId);
CREATE INDEX NmsExcludeLogRcp_lastModified ON NmsExcludeLogRcp (tsLastModified);
CREATE INDEX NmsExcludeLogRcp_deliveryId ON NmsExcludeLogRcp (iDeliveryId, tsLastModified);
INSERT INTO NmsExcludeLogRcp (iExcludeLogId) VALUES (0);

CREATE TABLE NmsDlvExclusion (
    iDeliveryId INTEGER DEFAULT 0, iTypologyRuleId INTEGER DEFAULT 0, iCount INTEGER DEFAULT 0, tsApplied TIMESTAMPTZ
);
CREATE INDEX NmsDlvExclusion_deliveryId ON NmsDlvExclusion (iDeliveryId);

CREATE TABLE NmsTrackingLogRcp (
    iTrackingLogId INTEGER NOT NULL DEFAULT 0, iBroadLogId INTEGER DEFAULT 0, iDeliveryId INTEGER DEFAULT 0,
    iRecipientId INTEGER DEFAULT 0, iUrlId INTEGER DEFAULT 0, iUserAgent INTEGER DEFAULT 0, sSourceId VARCHAR(64),
    sSourceType VARCHAR(64), sExternalId VARCHAR(64), tsLog TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsTrackingLogRcp_id ON NmsTrackingLogRcp (iTrackingLogId);
CREATE INDEX NmsTrackingLogRcp_log ON NmsTrackingLogRcp (tsLog);
CREATE INDEX NmsTrackingLogRcp_deliveryId ON NmsTrackingLogRcp (iDeliveryId, tsLog);
CREATE INDEX NmsTrackingLogRcp_urlId ON NmsTrackingLogRcp (iUrlId, iRecipientId);
CREATE INDEX NmsTrackingLogRcp_recipientId ON NmsTrackingLogRcp (iRecipientId);
CREATE INDEX NmsTrackingLogRcp_broadLogId ON NmsTrackingLogRcp (iBroadLogId);
CREATE INDEX NmsTrackingLogRcp_sourceId ON NmsTrackingLogRcp (sSourceId);
INSERT INTO NmsTrackingLogRcp (iTrackingLogId) VALUES (0);

CREATE TABLE NmsTrackingUrl (
    iTrackingUrlId INTEGER NOT NULL DEFAULT 0, iDeliveryId INTEGER DEFAULT 0, iType INTEGER DEFAULT 0,
    sLabel VARCHAR(255), sCategory VARCHAR(255), sSource VARCHAR(512), sTagId VARCHAR(64), iChecksum INTEGER DEFAULT 0,
    tsValidity TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsTrackingUrl_id ON NmsTrackingUrl (iTrackingUrlId);
CREATE INDEX NmsTrackingUrl_deliveryId ON NmsTrackingUrl (iDeliveryId);
INSERT INTO NmsTrackingUrl (iTrackingUrlId) VALUES (0);
INSERT INTO NmsTrackingUrl (iTrackingUrlId, iType, sLabel) VALUES (1, 2, 'Open');

CREATE TABLE NmsTrackingStats (
    iTrackingStatsId INTEGER NOT NULL DEFAULT 0, iDeliveryId INTEGER DEFAULT 0, iUrlId INTEGER DEFAULT 0,
    iTotalClicks INTEGER DEFAULT 0, iTransaction INTEGER DEFAULT 0, iArticle INTEGER DEFAULT 0,
    dAmount DOUBLE PRECISION DEFAULT 0, sSourceType VARCHAR(64), tsStart TIMESTAMPTZ, tsEnd TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsTrackingStats_id ON NmsTrackingStats (iTrackingStatsId);
CREATE INDEX NmsTrackingStats_deliveryId ON NmsTrackingStats (iDeliveryId, tsStart);
CREATE INDEX NmsTrackingStats_urlId ON NmsTrackingStats (iUrlId);
INSERT INTO NmsTrackingStats (iTrackingStatsId) VALUES (0);

CREATE TABLE NmsTypology (
    iTypologyId INTEGER NOT NULL DEFAULT 0, sName VARCHAR(64), sLabel VARCHAR(128), sIPAffinity VARCHAR(64),
    iFolderId INTEGER DEFAULT 0, tsLastModified TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsTypology_id ON NmsTypology (iTypologyId);
INSERT INTO NmsTypology (iTypologyId) VALUES (0);

CREATE TABLE NmsExtAccount (
    iExtAccountId INTEGER NOT NULL DEFAULT 0, sName VARCHAR(64), sLabel VARCHAR(128), iActive INTEGER DEFAULT 0,
    iType INTEGER DEFAULT 0, iDeliveryMode INTEGER DEFAULT 0, iMessageType INTEGER DEFAULT 0, sServer VARCHAR(255),
    sAccount VARCHAR(128), sPassword VARCHAR(255), sProvider VARCHAR(64), iMultiMidProvider INTEGER DEFAULT 0,
    sLastMultiUsed VARCHAR(64)
);
CREATE UNIQUE INDEX NmsExtAccount_id ON NmsExtAccount (iExtAccountId);
CREATE UNIQUE INDEX NmsExtAccount_name ON NmsExtAccount (sName);
INSERT INTO NmsExtAccount (iExtAccountId) VALUES (0);

CREATE TABLE NmsDeliveryMapping (
    iMappingId INTEGER NOT NULL DEFAULT 0, sName VARCHAR(64), sLabel VARCHAR(128), sBroadLogSchema VARCHAR(100),
    sBroadLogExclSchema VARCHAR(100), mData TEXT
);
CREATE UNIQUE INDEX NmsDeliveryMapping_id ON NmsDeliveryMapping (iMappingId);
INSERT INTO NmsDeliveryMapping (iMappingId) VALUES (0);

CREATE TABLE NmsOperation (
    iOperationId INTEGER NOT NULL DEFAULT 0, sInternalName VARCHAR(100), sLabel VARCHAR(128), iState INTEGER DEFAULT 0,
    iStatus INTEGER DEFAULT 0, iFolderId INTEGER DEFAULT 0, iIsModel INTEGER DEFAULT 0, tsStart TIMESTAMPTZ,
    tsEnd TIMESTAMPTZ, tsCreated TIMESTAMPTZ, tsLastModified TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsOperation_id ON NmsOperation (iOperationId);
INSERT INTO NmsOperation (iOperationId) VALUES (0);

CREATE TABLE NmsValidationLog (
    iValidationLogId INTEGER NOT NULL DEFAULT 0, iDeliveryId INTEGER DEFAULT 0, iType INTEGER DEFAULT 0,
    iAction INTEGER DEFAULT 0, tsDate TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsValidationLog_id ON NmsValidationLog (iValidationLogId);
CREATE INDEX NmsValidationLog_deliveryId ON NmsValidationLog (iDeliveryId);
INSERT INTO NmsValidationLog (iValidationLogId) VALUES (0);

CREATE TABLE XtkWorkflow (
    iWorkflowId INTEGER NOT NULL DEFAULT 0, sInternalName VARCHAR(100), sLabel VARCHAR(128), iState INTEGER DEFAULT 0,
    iStatus INTEGER DEFAULT 0, iFailed INTEGER DEFAULT 0, iStartState INTEGER DEFAULT 0, iForecasted INTEGER DEFAULT 0,
    iProduction INTEGER DEFAULT 0, iBuiltIn INTEGER DEFAULT 0, iIsModel INTEGER DEFAULT 0, iOperationId INTEGER DEFAULT 0,
    iFolderId INTEGER DEFAULT 0, iPriority INTEGER DEFAULT 0, iProcessId INTEGER DEFAULT 0, sHostname VARCHAR(64),
    iInProcess INTEGER DEFAULT 0, iHistory INTEGER DEFAULT 0, iErrorLimit INTEGER DEFAULT 0, iOnError INTEGER DEFAULT 0,
    tsLastStart TIMESTAMPTZ, tsProcess TIMESTAMPTZ, tsNextProcessing TIMESTAMPTZ, tsLastModified TIMESTAMPTZ,
    tsExpiration TIMESTAMPTZ, mData TEXT, mVisualState TEXT
);
CREATE UNIQUE INDEX XtkWorkflow_id ON XtkWorkflow (iWorkflowId);
CREATE UNIQUE INDEX XtkWorkflow_internalName ON XtkWorkflow (sInternalName);
CREATE INDEX XtkWorkflow_label ON XtkWorkflow (sLabel);
CREATE INDEX XtkWorkflow_operationId ON XtkWorkflow (iOperationId);
INSERT INTO XtkWorkflow (iWorkflowId) VALUES (0);

CREATE TABLE XtkWorkflowTask (
    iTaskId INTEGER NOT NULL DEFAULT 0, iWorkflowId INTEGER DEFAULT 0, iStatus INTEGER DEFAULT 0, sActivity VARCHAR(64),
    tsCreation TIMESTAMPTZ, tsProcessing TIMESTAMPTZ, tsCompletion TIMESTAMPTZ, iLastErrorCode INTEGER DEFAULT 0
);
CREATE UNIQUE INDEX XtkWorkflowTask_id ON XtkWorkflowTask (iTaskId);
CREATE INDEX XtkWorkflowTask_workflowId ON XtkWorkflowTask (iWorkflowId);
INSERT INTO XtkWorkflowTask (iTaskId) VALUES (0);

CREATE TABLE XtkWorkflowLog (
    iWorkflowLogId INTEGER NOT NULL DEFAULT 0, iWorkflowId INTEGER DEFAULT 0, tsLog TIMESTAMPTZ,
    iLogType INTEGER DEFAULT 0, iError INTEGER DEFAULT 0, sMessage VARCHAR(2000)
);
CREATE UNIQUE INDEX XtkWorkflowLog_id ON XtkWorkflowLog (iWorkflowLogId);
CREATE INDEX XtkWorkflowLog_log ON XtkWorkflowLog (iWorkflowId, tsLog);
INSERT INTO XtkWorkflowLog (iWorkflowLogId) VALUES (0);

CREATE TABLE XtkJobLog (
    iJobLogId INTEGER NOT NULL DEFAULT 0, iJobId INTEGER DEFAULT 0, iLogType INTEGER DEFAULT 0, sMessage VARCHAR(2000),
    tsLog TIMESTAMPTZ
);
CREATE UNIQUE INDEX XtkJobLog_id ON XtkJobLog (iJobLogId);
CREATE INDEX XtkJobLog_jobId ON XtkJobLog (iJobId, iJobLogId);
INSERT INTO XtkJobLog (iJobLogId) VALUES (0);

CREATE TABLE XtkOption (
    iOptionId INTEGER NOT NULL DEFAULT 0, sName VARCHAR(64), iDataType INTEGER DEFAULT 0, sStringValue VARCHAR(255),
    iLongValue INTEGER DEFAULT 0, dDoubleValue DOUBLE PRECISION DEFAULT 0, tsTimeStampValue TIMESTAMPTZ, mMemoValue TEXT
);
CREATE UNIQUE INDEX XtkOption_name ON XtkOption (sName);
INSERT INTO XtkOption (iOptionId) VALUES (0);

CREATE TABLE XtkEnum (
    iEnumId INTEGER NOT NULL DEFAULT 0, sName VARCHAR(100), sLabel VARCHAR(128)
);
CREATE UNIQUE INDEX XtkEnum_id ON XtkEnum (iEnumId);
INSERT INTO XtkEnum (iEnumId) VALUES (0);

CREATE TABLE XtkEnumValue (
    iEnumValueId INTEGER NOT NULL DEFAULT 0, iEnumId INTEGER DEFAULT 0, sName VARCHAR(100), sLabel VARCHAR(128)
);
CREATE UNIQUE INDEX XtkEnumValue_id ON XtkEnumValue (iEnumValueId);
CREATE INDEX XtkEnumValue_enumId ON XtkEnumValue (iEnumId);
INSERT INTO XtkEnumValue (iEnumValueId) VALUES (0);

CREATE TABLE NmsEmailErrorStat (
    tsDate TIMESTAMPTZ, iMXIP INTEGER DEFAULT 0, iPublicId INTEGER DEFAULT 0, iTotalConnections INTEGER DEFAULT 0,
    iTotalErrors INTEGER DEFAULT 0, iMessageErrors INTEGER DEFAULT 0, iAbortedConnections INTEGER DEFAULT 0,
    iFailedConnections INTEGER DEFAULT 0, iRefusedConnections INTEGER DEFAULT 0, iTimeoutConnections INTEGER DEFAULT 0,
    iSentMessages INTEGER DEFAULT 0, iHitCount INTEGER DEFAULT 0
);
CREATE INDEX NmsEmailErrorStat_date ON NmsEmailErrorStat (tsDate);
CREATE INDEX NmsEmailErrorStat_MXIP ON NmsEmailErrorStat (iMXIP);

CREATE TABLE NmsEmailError (
    iMXIP INTEGER DEFAULT 0, iPublicId INTEGER DEFAULT 0, iLastReplyCode INTEGER DEFAULT 0,
    iLastConnectionCode INTEGER DEFAULT 0, sLastReplyMessage VARCHAR(512), tsLast TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsEmailError_id ON NmsEmailError (iMXIP, iPublicId);

CREATE TABLE NmsMxDomain (
    iMXIP INTEGER DEFAULT 0, sDomain VARCHAR(128), sMX VARCHAR(128), iHitCount INTEGER DEFAULT 0
);
CREATE UNIQUE INDEX NmsMxDomain_id ON NmsMxDomain (iMXIP, sDomain);

CREATE TABLE NmsMxOwner (iMXIP INTEGER DEFAULT 0, sOwner VARCHAR(128));

CREATE TABLE NmsDomain (iDomainId INTEGER NOT NULL DEFAULT 0, sDomain VARCHAR(128));
CREATE UNIQUE INDEX NmsDomain_id ON NmsDomain (iDomainId);
INSERT INTO NmsDomain (iDomainId) VALUES (0);

CREATE TABLE NmsAddress (
    iAddressId INTEGER NOT NULL DEFAULT 0, sAddress VARCHAR(128), iType INTEGER DEFAULT 0, iStatus INTEGER DEFAULT 0,
    iQuarantineReason INTEGER DEFAULT 0, mQuarantineText TEXT, iConsecutiveError INTEGER DEFAULT 0,
    iDeliveryId INTEGER DEFAULT 0, tsCreated TIMESTAMPTZ, tsLastError TIMESTAMPTZ, tsLastModified TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsAddress_id ON NmsAddress (iAddressId);
CREATE INDEX NmsAddress_lastModified ON NmsAddress (tsLastModified, iStatus);
CREATE UNIQUE INDEX NmsAddress_address ON NmsAddress (sAddress, iType);
CREATE INDEX NmsAddress_deliveryId ON NmsAddress (iDeliveryId);
INSERT INTO NmsAddress (iAddressId) VALUES (0);

CREATE TABLE NmsRecipient (
    iRecipientId INTEGER NOT NULL DEFAULT 0, sEmail VARCHAR(128), iBlackList INTEGER DEFAULT 0,
    iBlackListEmail INTEGER DEFAULT 0, iBlackListFax INTEGER DEFAULT 0, iBlackListMobile INTEGER DEFAULT 0,
    iBlackListPhone INTEGER DEFAULT 0, iBlackListPostalMail INTEGER DEFAULT 0, iEmailFormat INTEGER DEFAULT 0,
    iAddrErrorCount INTEGER DEFAULT 0, iAddrQuality INTEGER DEFAULT 0, tsAddrLastCheck TIMESTAMPTZ,
    iStatus INTEGER DEFAULT 0, iFolderId INTEGER DEFAULT 0, tsCreated TIMESTAMPTZ, tsLastModified TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsRecipient_id ON NmsRecipient (iRecipientId);
INSERT INTO NmsRecipient (iRecipientId) VALUES (0);

CREATE TABLE NmsRtEvent (
    iRtEventId INTEGER NOT NULL DEFAULT 0, iStatus INTEGER DEFAULT 0, sType VARCHAR(64), iWishedChannel INTEGER DEFAULT 0,
    sEmail VARCHAR(255), sMobilePhone VARCHAR(64), iDeliveryId INTEGER DEFAULT 0, tsCreated TIMESTAMPTZ,
    tsSubmit TIMESTAMPTZ, tsScheduled TIMESTAMPTZ, tsExpiration TIMESTAMPTZ, tsProcessing TIMESTAMPTZ,
    tsProcessed TIMESTAMPTZ, tsLastModified TIMESTAMPTZ
);
CREATE UNIQUE INDEX NmsRtEvent_id ON NmsRtEvent (iRtEventId);
CREATE INDEX NmsRtEvent_status ON NmsRtEvent (iStatus);
CREATE INDEX NmsRtEvent_type ON NmsRtEvent (sType);
CREATE INDEX NmsRtEvent_lastModified ON NmsRtEvent (tsLastModified);
CREATE INDEX NmsRtEvent_deliveryId ON NmsRtEvent (iDeliveryId);
INSERT INTO NmsRtEvent (iRtEventId) VALUES (0);
