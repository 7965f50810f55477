"""SIPREC (RFC 7866): the audio of calls, sent to the operator's recording servers."""
