"""Elastic SIP Trunking, /trunking/v1."""
