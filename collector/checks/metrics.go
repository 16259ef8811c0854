package checks

import "github.com/mailprobe/mailprobe_exporter/collector/spf"

// The metrics of which reports for people read values; see collector.Values.
var (
	SMTPUp                  = smtpUp
	SMTPReply               = smtpReply
	SMTPFailure             = smtpFailure
	SMTPStageDuration       = smtpStageDuration
	SMTPAuthMechanism       = smtpAuthMechanism
	SMTPRelay               = smtpRelay
	TLSInfo                 = tlsInfo
	CertificateNotAfter     = certificateNotAfter
	CertificateVerification = certificateVerification
	DANEMatch               = daneMatch
	MXInfo                  = mxInfo
	MXNull                  = mxNull
	SPFLookups              = spfLookups
	SPFVoidLookups          = spfVoidLookups
	SPFResult               = spfResult
	DKIMKeyBits             = dkimKeyBits
	DMARCPolicy             = dmarcPolicy
	DNSSECSecure            = dnssecSecure
	MTASTSMode              = mtaSTSMode
	MTASTSMaxAge            = mtaSTSMaxAge
	MTASTSMXCovered         = mtaSTSMXCovered
	TLSRPTValid             = tlsRPTValid
	BIMIValid               = bimiValid
	BulkRequirement         = bulkRequirement
	DNSBLListed             = dnsblListed
	DNSBLListing            = dnsblListing
)

// What RFC 7208 section 4.6.4 allows of SPFLookups and of SPFVoidLookups.
const (
	SPFMaxLookups = spf.MaxLookups
	SPFMaxVoids   = spf.MaxVoids
)
