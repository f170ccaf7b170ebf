"""Questions that no pattern of `shop/facts/kinds.py` was written on: by kind of fact and by language.

"" asks for something that the catalogue of the test's products does not say, or that the photo shows.
"""

HELD_OUT: dict[str, dict[str, tuple[str, ...]]] = {
    "price": {
        "en": (
            "Good morning, what is the retail price, if I may ask?", "so how much is the thing", "can you quote me a price", "price in rmb?", "what's it going for",
            "How expensive is it?", "how much would one cost me", "hw much is it", "what are you charging for this one", "current price?", "I need to know how much it costs.",
            "price plz!!", "would you mind telling me what this costs?", "how much money is this item", "sorry, what did you say the price was", "and the price?",
        ),
        "zh": (
            "你好，想了解一下价格", "这个啥价", "多少钱一个", "请告诉我这件商品的价格", "多钱一个", "现价多少", "这款怎么卖的呀", "老板，多少钱", "卖几块", "到底多少钱啊",
            "能报个价吗", "零售价是多少", "買一個要幾塊錢", "麻烦说一下售价", "您好，这个价位是多少", "价格？",
        ),
    },
    "stock": {
        "en": (
            "Do you have this in stock at the moment?", "got any?", "can it still be ordered", "how much stock is there", "is there any left", "are they all sold out",
            "stock?", "Is it possible to buy this today, is it available?", "are there still some left", "do you have any more in stock", "availability?",
            "how many units do you have in stock", "is the item available for purchase", "r these in stock", "have they sold out", "tell me if it's in stock",
        ),
        "zh": (
            "现货吗", "有没有现货", "还有货不", "请问现在有库存吗", "库存充足吗", "这个还卖吗", "还有多少件", "卖光了没", "没货了吗", "目前有货吗",
            "能不能买到", "查一下库存", "还剩多少库存", "有存货吗", "现在能拍吗", "還有庫存嗎",
        ),
    },
    "warranty": {
        "en": (
            "is it covered by a warranty", "What guarantee do you offer?", "how long does the warranty last", "warranty period", "does it have any warranty, and how long",
            "guarantee length?", "what's the warranty like", "do I get a warranty with this", "how many months of warranty", "is this product guaranteed",
            "whats the warrantee on it", "for how long would you repair it for free",
        ),
        "zh": (
            "保修期限是多少", "请问质保多长时间", "这个保修吗", "保修政策是什么", "有几年质保", "坏了可以保修吗", "提供质保吗", "保多长时间", "想了解保修", "质保多少个月",
            "有没有保修期", "可以保修几年呢",
        ),
    },
    "gtin": {
        "en": (
            "Please tell me the barcode of this item.", "what is its gtin code", "barcode digits?", "ean?", "do you know the UPC", "the product's barcode number please",
            "what barcode does it have", "I'm looking for the EAN number", "can you send me the GTIN", "bar code no.",
        ),
        "zh": ("请问条形码是多少", "商品条形码？", "条码发我一下", "UPC是多少", "告诉我条码", "国际条码多少", "条形码的号码", "EAN多少", "知道条码吗", "它的条码是"),
    },
    "weight": {
        "en": (
            "how many grams is it", "What's the weight, please?", "is there info on the weight", "tell me how heavy it is", "weight in kg?", "the weight of this product",
            "how much do these weigh", "weighs how much", "what's its wieght", "approx weight?",
        ),
        "zh": ("请问多重", "重量是多少克", "它有多少斤", "净重是多少", "到底多重啊", "多少公斤", "重量大概多少", "这东西多沉", "几斤几两", "請問重量"),
    },
    "material": {
        "en": (
            "What kind of material is used?", "whats it made of", "what is the fabric", "made from what?", "which material did you use", "is it made of plastic",
            "the material please", "what's the composition of it", "matrial?", "do you know what it is made of",
        ),
        "zh": ("这是什么材料", "材质呢", "请说明材质", "什么布料的", "面料是什么", "它是啥做的", "是什么质地", "用料是什么", "想问一下材质", "是真皮的吗"),
    },
    "origin": {
        "en": (
            "What country was it made in?", "where does it come from", "origin?", "where is this product manufactured", "is this imported", "in which country is it produced",
            "made where", "what is its country of origin",
        ),
        "zh": ("是进口的吗", "什么地方生产的", "请问产地", "是哪国产的", "产自哪里", "在哪个国家做的", "原产地是哪", "哪里制造的"),
    },
    "power": {
        "en": ("what's the wattage of this", "power?", "How much power does it use?", "its power please", "how many watts does it draw"),
        "zh": ("功率大概多少", "是多少瓦", "请告诉我功率", "功率有多大", "几瓦的"),
    },
    "noise level": {
        "en": ("the noise level please", "which noise level is it", "and what's the noise level?", "can you tell me the noise level", "Noise level"),
        "zh": ("噪音等级怎样算的，是多少", "它的噪音等级", "噪音等级是几级", "问下噪音等级", "什么噪音等级"),
    },
    "": {
        "en": (
            "Which color is this?", "What am I looking at?", "what item is this", "is it striped", "how many pieces do you see in the photo", "what's the text on the label",
            "Does it look blue to you?", "is it round or square", "is that a handbag", "what's in the picture", "how many items are shown", "what is the pattern like",
            "Do I have to pay for postage?", "what's the shipping fee to Beijing", "is there a coupon for this", "could you do a better price", "what did it cost last year",
            "price for ten pieces?", "do you have this in black", "is the large size available", "when do you restock", "who do I contact for a warranty claim",
            "is there a longer warranty to buy", "does the scanner read the barcode", "what's the maximum weight it supports", "is the fabric comfortable", "is the box made of cardboard",
            "does it look expensive in this photo", "what's your refund policy", "would this suit a child", "anything similar but cheaper", "when will it arrive",
            "does it come with a handle", "hi", "great, thanks!", "can it go in the oven", "is it lighter than the old model", "will there be a sale soon",
            "do you like it", "read the text on it", "can you see a price in the picture", "is it windproof", "how many buttons are on it", "which way is it facing",
            "is it clean", "what's behind it", "how many stripes are there", "are there any scratches", "is it new or used in the photo", "does the mug have a logo",
        ),
        "zh": (
            "颜色是什么", "图里是什么东西", "这件是什么商品", "是条纹吗", "照片里看到几件", "标签上的字是什么", "看起来是蓝色吗", "是圆的还是方的", "这是手提包吗",
            "图片里有什么", "一共几个", "花纹是什么样的", "邮费要我出吗", "到北京运费多少", "有没有优惠券", "价格能再低点吗", "去年卖多少钱", "十个多少钱", "有黑色的吗",
            "大号还有货吗", "多久补一次货", "保修要联系谁", "可以买延长保修吗", "条码扫不出来怎么办", "最大承重是多少", "面料舒服吗", "外包装是纸盒吗", "照片里看着贵吗",
            "退款怎么弄", "小孩能用吗", "有没有便宜点的类似款", "什么时候能收到", "带把手吗", "嗨", "好的谢谢", "能放烤箱吗", "比旧款轻吗", "最近有活动吗", "你喜欢吗",
            "念一下上面的字", "图上能看到价格吗", "防风吗", "上面有几个扣子", "朝哪个方向", "干净吗", "后面是什么", "有几道条纹", "有划痕吗", "照片里是新的吗", "有商标吗",
        ),
    },
}  # fmt: skip
