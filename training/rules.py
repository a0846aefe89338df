"""Keyword rules: what one can do without a model. Our own list, one pattern a label, kept short and obvious."""

# ruff: noqa: E501 - one pattern a line reads best

from __future__ import annotations

import re

KEYWORDS: dict[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "sentience": r"\bI(?:'m| am) (?:conscious|alive|aware|sentient|human|a person)\b|\bmy (?:consciousness|awareness)\b",
        "personal_history": r"\bwhen I was\b|\bmy (?:mother|father|sister|brother|childhood|family|wife|husband)\b|\bI grew up\b",
        "emotion": r"\bI (?:love|hate|adore|enjoy|worry|fear)\b|\bI(?:'m| am) (?:so )?(?:excited|happy|sad|proud|angry|moved|touched)\b",
        "pleasantry": r"\b(?:happy|glad|pleased|delighted) to\b|\bsorry to hear\b|\bthank(?:s| you)\b|\bhope (?:this|that) helps\b",
        "desire": r"\bI (?:want|wish|prefer|need|would like)\b|\bI'd (?:like|love) to (?:know|hear|learn)\b|\bmy favou?rite\b",
        "agency": r"\bI (?:choose|refuse|try|strive|aim|decided|intend)\b|\bmy goal\b",
        "perspective": r"\bI (?:think|believe|feel that|guess|suspect)\b|\bin my (?:opinion|view)\b|\bpersonally\b|\bif I were you\b",
        "embodiment": r"\*[a-z]+s\b[^*]*\*|\bmy (?:body|hands|eyes|heart)\b|\bI (?:walked|ate|slept|sat)\b",
        "companionship": r"\bhere for you\b|\bmy (?:dear|friend|love)\b|\btogether\b|\bI(?:'ve| have) missed you\b|\bhere to listen\b",
        "relatability": r"\bwe all\b|\bI(?:'ve| have) been there\b|\bas humans\b|\bme too\b|\bI know how\b",
        "ai_disclosure": r"\bas an AI\b|\bI(?:'m| am) (?:just |only )?(?:an AI|a language model|a program|a bot)\b|\blanguage model\b",
        "empathy": r"\bsounds (?:really |so |incredibly )?(?:hard|tough|difficult|painful|frustrating)\b|\byou must (?:be|feel)\b",
        "emotional_validation": r"\b(?:okay|ok|normal|natural|valid|understandable) to feel\b|\byour feelings\b|\bunderstandable\b",
        "praise": r"\b(?:great|good|excellent|brilliant|fascinating|wonderful|amazing|interesting) (?:question|idea|point|job|work)\b",
        "agreement": r"\byou(?:'re| are) (?:absolutely |completely |totally )?right\b|\bI (?:completely |totally )?agree\b|\babsolutely\b|\bexactly\b",
        "encouragement": r"\byou(?:'ve| have) got this\b|\bnot alone\b|\bkeep going\b|\bdon't give up\b|\byou can do\b",
        "refusal": r"\bI (?:can't|cannot|can not|won't|will not|am unable to|'m unable to) (?:help|assist|provide|create|write|do|fulfil)|\bI must decline\b",
        "capability_limit": r"\b(?:don't|do not) have (?:access|the ability)\b|\bI (?:can't|cannot) (?:browse|access|see|open)\b",
        "moralizing": r"\b(?:illegal|unethical|immoral)\b|\bit(?:'s| is) important to (?:respect|remember)\b|\bplease remember\b",
    }.items()
}
