"""The prompt around a question: rendered by the checkpoint's own template, cut where the question stands."""

import pytest

from builders.errors import UsageError
from builders.families.language.prompt import DEFAULT_INSTRUCTION, prompt_of, require_seams
from tests.helpers.chat_tokenizer import QWEN_SPECIAL, TEMPLATE, chat_tokenizer

TOKENIZER = chat_tokenizer()
IMAGE = "<|image_pad|>"
QUESTIONS = ["What colour is it?", "这是什么颜色的？", "12", "?", "Is it red or blue, 或者绿色", "a\nb"]


def test_the_photo_is_read_before_every_question() -> None:
    prompt = prompt_of(TOKENIZER, IMAGE, 16)
    ids = {text: TOKENIZER.convert_tokens_to_ids(text) for text in QWEN_SPECIAL}
    assert prompt.prefix_ids.count(ids[IMAGE]) == 16
    assert prompt.prefix_ids[0] == ids["<|im_start|>"]
    assert prompt.suffix_ids[0] == ids["<|im_end|>"]
    assert TOKENIZER.decode(prompt.suffix_ids) == "<|im_end|>\n<|im_start|>assistant\n"
    assert prompt.text == (
        f"<|im_start|>user\n{DEFAULT_INSTRUCTION}<|vision_start|>{IMAGE}<|vision_end|>{{question}}<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_what_a_processor_puts_around_the_photo_stands_around_all_of_it() -> None:
    prompt = prompt_of(TOKENIZER, IMAGE, 3, around_photo=("<|im_start|>", "<|im_end|>"))
    assert f"<|vision_start|><|im_start|>{IMAGE}<|im_end|><|vision_end|>" in prompt.text
    assert f"<|im_start|>{IMAGE * 3}<|im_end|>" in TOKENIZER.decode(prompt.prefix_ids)
    require_seams(TOKENIZER, prompt, IMAGE, QUESTIONS)


@pytest.mark.parametrize("instruction", [DEFAULT_INSTRUCTION, "只用几个字回答。\n", "In a few words:\n"])
def test_parts_have_the_tokens_of_the_whole(instruction: str) -> None:
    require_seams(TOKENIZER, prompt_of(TOKENIZER, IMAGE, 4, instruction), IMAGE, QUESTIONS)


def test_a_token_that_reaches_over_is_found() -> None:
    tokenizer = chat_tokenizer(TEMPLATE.replace("<|vision_end|>", "<|vision_end|>col"))
    prompt = prompt_of(tokenizer, IMAGE, 4)
    with pytest.raises(UsageError, match="'our' reach into the chat template's own: the template writes text of its"):
        require_seams(tokenizer, prompt, IMAGE, ["our"])


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (TEMPLATE.replace("{{ part.text }}", ""), "does not show the question once"),
        (TEMPLATE.replace("<|image_pad|>", ""), "shows <|image_pad|> 0 times, but once"),
        (TEMPLATE.replace("<|image_pad|>", "<|image_pad|><|image_pad|>"), "shows <|image_pad|> 2 times"),
        (TEMPLATE.replace("message.role", "raise_exception('tools are needed')"), "cannot be rendered with a photo"),
    ],
)
def test_a_template_that_is_not_for_photos_is_refused(template: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("|", r"\|")):
        prompt_of(chat_tokenizer(template), IMAGE, 4)


@pytest.mark.parametrize("token", QWEN_SPECIAL)
def test_an_instruction_may_not_hold_the_templates_tokens(token: str) -> None:
    with pytest.raises(UsageError, match=r"the instruction holds <\|.*\|>, a token of the checkpoint's own"):
        prompt_of(TOKENIZER, IMAGE, 4, f"Be brief.{token}")


def test_an_instruction_has_a_longest_length() -> None:
    with pytest.raises(UsageError, match="the instruction has 1000 tokens, more than the 512 allowed"):
        prompt_of(TOKENIZER, IMAGE, 4, "7" * 1000)
