"""The bundled checkpoint's tokenizer: whole English words, single Chinese characters.

A BERT WordPiece tokenizer, as BLIP uses, with one step before it: Unicode
NFKC, so that full-width letters, digits and punctuation are the plain ones.
"""

import re
import string

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from catalogue.attributes import CATEGORIES, COLOURS, LANGUAGES, MAX_COUNT, PATTERNS, plural
from catalogue.no_questions import NOT_UNDERSTOOD
from catalogue.short_wordings import CLOSERS as SHORT_CLOSERS
from catalogue.short_wordings import OPENERS as SHORT_OPENERS
from catalogue.short_wordings import SUBJECTS_ZH
from catalogue.short_wordings import TRAIN as SHORT_TRAIN
from catalogue.traditional import traditional
from catalogue.wordings import CANNOT_TELL, CLOSERS, NO, NOUNS, OPENERS, TRAIN, YES

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]")
_PIECE = re.compile(r"[a-z]+|[^\sa-z]")


def _training_texts() -> list[str]:
    """Everything that can be said in training, values and templates apart."""
    values = [w for table in (CATEGORIES, COLOURS, PATTERNS) for pair in table.items() for w in pair]
    values += [plural(noun) for noun in (*CATEGORIES, *NOUNS["en"])]
    values += [str(n) for n in range(1, MAX_COUNT + 1)] + ["a pair of", "an"]
    said = [
        text for lang in LANGUAGES for table in (TRAIN, SHORT_TRAIN) for kind in table[lang].values() for text in kind
    ]
    around = [text for lang in LANGUAGES for text in (*OPENERS[lang], *CLOSERS[lang], *NOUNS[lang])]
    around += [text for lang in LANGUAGES for text in (*SHORT_OPENERS[lang], *SHORT_CLOSERS[lang])] + list(SUBJECTS_ZH)
    answers = [table[lang] for table in (CANNOT_TELL, YES, NO, NOT_UNDERSTOOD) for lang in LANGUAGES]
    return values + [re.sub(r"\{\w+\}", " ", text) for text in said + around] + answers


def vocabulary() -> list[str]:
    """All tokens, in id order: specials, single letters and digits, then words and Chinese characters."""
    pieces = list(string.ascii_lowercase + string.digits + string.punctuation)
    # No pieces of words: a word that is not here becomes [UNK], which training shows in the place of hidden
    # words, and not a row of letters, which it never shows. The ids that pieces once had stay taken.
    pieces += [f"[unused{n}]" for n in range(36)]
    folded = normalizers.NFKC()
    texts = _training_texts()
    texts += [traditional(text) for text in texts]
    words = {piece for text in texts for piece in _PIECE.findall(folded.normalize_str(text).lower())}
    return [*SPECIAL, *pieces, *sorted(words - set(pieces))]


def value_words() -> set[str]:
    """Tokens that carry an attribute's value; a question without them asks something else."""
    values = [w for table in (CATEGORIES, COLOURS, PATTERNS) for pair in table.items() for w in pair]
    values += [str(n) for n in range(1, MAX_COUNT + 1)]
    return {piece for value in values for piece in _PIECE.findall(value.lower())}


def spelling() -> dict[str, str]:
    """Return how answers are written that the tokenizer cannot spell: from its lower case to the catalogue's words."""
    answers = [word for table in (CATEGORIES, COLOURS, PATTERNS) for pair in table.items() for word in pair]
    return {word.lower(): word for word in answers if word != word.lower()}


def new_tokenizer() -> PreTrainedTokenizerFast:
    ids = {token: index for index, token in enumerate(vocabulary())}
    backend = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    backend.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.BertNormalizer(lowercase=True, strip_accents=True)]
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    backend.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        bos_token="[DEC]",
    )
