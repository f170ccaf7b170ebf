"""Chinese in traditional characters, as far as the catalogue's own words go."""

# Each simplified character before the traditional one that is written for it most often.
_PAIRS = (
    "个個为為书書买買产產亲親们們价價优優会會伞傘几幾卖賣厂廠发發号號图圖壶壺对對属屬库庫总總数數时時条條来來样樣没沒灯燈点點烦煩现現码碼确確种種称稱类類"
    "红紅纯純纹紋绿綠蓝藍袜襪裤褲规規讲講评評话話说說请請谁誰谢謝贝貝货貨质質贵貴费費这這还還连連适適递遞里裡钟鐘钱錢镜鏡长長问問闹鬧颜顏马馬黄黃么麼吗嗎喽嘍"
    "块塊宝寶宽寬换換机機板闆柜櫃补補运運邮郵东東儿兒别別只隻台檯"
)
_TRADITIONAL = str.maketrans(dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)))
_SIMPLIFIED = dict(zip(_PAIRS[1::2], _PAIRS[::2], strict=True))


def traditional(text: str) -> str:
    """Return the text in traditional characters; those that look alike in both stay."""
    return text.translate(_TRADITIONAL)


def simplified_character(character: str) -> str:
    """Return the simplified form of one character, or the character itself."""
    return _SIMPLIFIED.get(character, character)
