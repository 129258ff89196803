// The replies of our own (RFC 5321 section 4.2, RFC 3463). Each is one line, without CRLF. Our own faults are 4xx.
#pragma once

#include <string_view>

namespace caronte::smtpd_proxy::replies {

inline constexpr std::string_view kBye = "221 2.0.0 Bye";
inline constexpr std::string_view kOk = "250 2.0.0 Ok";
inline constexpr std::string_view kSenderOk = "250 2.1.0 Ok";
inline constexpr std::string_view kCannotVerify = "252 2.1.5 Cannot verify a user here, try RCPT";
inline constexpr std::string_view kHelp = "214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP QUIT HELP VRFY, see RFC 5321";
inline constexpr std::string_view kShuttingDown = "421 4.3.2 Service shutting down, try again later";
inline constexpr std::string_view kNoPolicy = "421 4.3.2 Service not available, try again later";
inline constexpr std::string_view kNoDestination = "421 4.3.2 Mail server not available, try again later";
inline constexpr std::string_view kDestinationBroken = "421 4.3.0 Mail server failed, try again later";
inline constexpr std::string_view kClientTimeout = "421 4.4.2 Timeout, closing connection";
inline constexpr std::string_view kTooManyErrors = "421 4.7.0 Too many errors";
inline constexpr std::string_view kPolicyAway = "451 4.3.0 Try again later";
inline constexpr std::string_view kDeliveryFailed = "451 4.3.0 Mail server failed, message not accepted, try again later";
inline constexpr std::string_view kCapabilityGone = "451 4.3.0 Mail server cannot take this message now, try again later";
inline constexpr std::string_view kOtherDestination = "451 4.5.3 Send this recipient in a message of its own";
inline constexpr std::string_view kTooManyRecipients = "452 4.5.3 Too many recipients";
inline constexpr std::string_view kLineTooLong = "500 5.5.2 Line too long";
inline constexpr std::string_view kBareLineEnd = "500 5.5.2 Lines must end with CRLF";
inline constexpr std::string_view kUnknownCommand = "500 5.5.1 Command unrecognized";
inline constexpr std::string_view kNotImplemented = "502 5.5.1 Command not implemented";
inline constexpr std::string_view kHeloFirst = "503 5.5.1 Send HELO or EHLO first";
inline constexpr std::string_view kNestedMail = "503 5.5.1 A transaction is open already";
inline constexpr std::string_view kMailFirst = "503 5.5.1 Send MAIL first";
inline constexpr std::string_view kRcptFirst = "503 5.5.1 Send RCPT first";
inline constexpr std::string_view kBadSequence = "503 5.5.1 Bad sequence of commands";
inline constexpr std::string_view kTooBig = "552 5.3.4 Message size exceeds limit";
inline constexpr std::string_view kNoValidRecipients = "554 5.5.1 No valid recipients";
inline constexpr std::string_view kMailLoop = "554 5.4.6 Too many hops";
inline constexpr std::string_view kBareInData = "550 5.5.2 Bare CR or LF in message refused (RFC 5321 section 2.3.8)";
inline constexpr std::string_view kNulInData = "550 5.6.0 NUL at the start of a line refused (RFC 2045 section 2.7)";

}  // namespace caronte::smtpd_proxy::replies
