"""Letters and words that belong to another language than the one a text is in.

Chinese is written in two sets of characters, and Japan has a third. Each has a character set from
before Unicode, in which a character of another one is not to be found. The few that are in both
sets, and the words that only one side of the strait says, are listed.
"""

import re

CHARACTER = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
KANA, HANGUL = (
    re.compile(r"[\u3041-\u30fa]"),
    re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
)
OTHER_SCRIPTS = {
    "ja": (HANGUL,),
    "ko": (KANA, CHARACTER),
    "zh": (KANA, HANGUL),
    "zh-TW": (KANA, HANGUL),
}
CHARACTER_SETS = {"ja": "cp932", "zh": "gb2312", "zh-TW": "big5"}
ALSO_FOREIGN = {
    # The forms from before the reform, which Japan's set keeps for names.
    "ja": "來傳價兒兩劑區卷圖圓團壓壞將專對帶廣應數斷會條樂樣橫檢權歸殘氣沒淺滿濟營爲獨當畫發眞禮稱"
    "穩絲經綠總繪繼續聲處號裝覺觀觸證譯讀變輕轉邊關隨險雙雜靜顯點黑默",
    "zh": "後於",
    # Short forms that Taiwan's set has as rare characters of their own.
    "zh-TW": "万丰么与于云价优体余儿几厂后听坏复宁庄异并怀惊愿扑扰据机极构柜气洁确离种网胜荐虫触赶"
    "适里",
}
"""Characters that are in the character set of a language, and in none of its texts."""

MAINLAND = {
    "視頻": "影片", "默認": "預設", "缺省": "預設", "文件": "檔案", "信息": "訊息", "質量": "品質",
    "設置": "設定", "添加": "新增", "加載": "載入", "保存": "儲存", "幀": "影格", "菜單": "選單",
    "軟件": "軟體", "硬件": "硬體", "插件": "外掛", "組件": "元件", "內存": "記憶體",
    "顯存": "顯示記憶體", "顯卡": "顯示卡", "硬盤": "硬碟", "磁盤": "磁碟", "光盤": "光碟",
    "網絡": "網路", "程序": "程式", "數據": "資料", "代碼": "程式碼", "鼠標": "滑鼠",
    "屏幕": "螢幕", "打印": "列印", "鏈接": "連結", "支持": "支援", "緩存": "快取", "配置": "設定",
    "運行": "執行", "線程": "執行緒", "字符": "字元", "字節": "位元組", "比特": "位元",
    "分辨率": "解析度", "圖像": "影像", "導入": "匯入", "導出": "匯出", "點擊": "按一下",
    "文本": "文字", "對象": "物件", "變量": "變數", "函數": "函式", "模塊": "模組", "兼容": "相容",
    "優化": "最佳化", "噪聲": "雜訊", "噪點": "雜訊", "降噪": "去雜訊", "採樣": "取樣",
    "哈希": "雜湊", "創建": "建立", "重置": "重設", "拖拽": "拖曳", "窗口": "視窗", "列表": "清單",
    "擴展名": "副檔名", "後綴": "副檔名", "縮略圖": "縮圖", "批量": "批次", "操作系統": "作業系統",
    "內置": "內建", "高級": "進階", "全局": "全域", "本地": "本機", "登錄": "登入", "賬號": "帳號",
    "粘貼": "貼上", "剪切": "剪下", "撤銷": "復原", "撤消": "復原", "查找": "尋找",
    "閾值": "門檻值", "卸載": "解除安裝", "調用": "呼叫", "服務器": "伺服器", "隊列": "佇列",
    "水印": "浮水印", "灰度": "灰階", "位圖": "點陣圖", "矢量": "向量", "像素點": "像素",
    "摳圖": "去背", "合並": "合併", "潛空間數據": "潛空間資料", "自定義": "自訂",
    "裏": "裡", "爲": "為", "着": "著",
}  # fmt: skip
"""Words of the mainland, and what Taiwan says. A title of ComfyUI's own page is not ours."""
TAIWAN = {
    "档案": "文件", "资料夹": "文件夹", "萤幕": "屏幕", "软体": "软件", "硬体": "硬件",
    "记忆体": "内存", "影格": "帧", "程式": "程序", "网路": "网络", "储存": "保存", "载入": "加载",
    "取样": "采样", "杂讯": "噪声", "滑鼠": "鼠标", "资讯": "信息", "讯息": "消息", "影像": "图像",
    "列印": "打印", "视讯": "视频", "显示卡": "显卡", "解析度": "分辨率", "预设集": "预设",
    "相容": "兼容", "物件": "对象", "字串": "字符串", "函式": "函数", "杂凑": "哈希",
    "伺服器": "服务器", "副档名": "扩展名", "位元组": "字节", "快取": "缓存", "选单": "菜单",
    "汇出": "导出", "汇入": "导入", "模组": "模块", "门槛值": "阈值", "灰阶": "灰度",
    "连结": "链接", "预设值": "默认值",
}  # fmt: skip
"""Words of Taiwan in the mainland's characters, and what the mainland says."""
WORDS = {"zh": TAIWAN, "zh-TW": MAINLAND}
TITLES = {"zh": (), "zh-TW": ("「卸載模型與執行快取」",)}
"""What ComfyUI's page itself writes, by the language."""


def foreign_letter(text: str, language: str) -> str | None:
    """The first character of a text that its language does not have."""
    for script in OTHER_SCRIPTS[language]:
        if found := script.search(text):
            return found[0]
    for character in CHARACTER.findall(text):
        if character in ALSO_FOREIGN.get(language, "") or not is_in_set(character, language):
            return character
    return None


def is_in_set(character: str, language: str) -> bool:
    """Whether the character set of a language has a character."""
    try:
        character.encode(CHARACTER_SETS[language])
    except UnicodeEncodeError:
        return False
    return True


def foreign_words(text: str, language: str) -> dict[str, str]:
    """Words that the other Chinese says, each with the word to write."""
    for title in TITLES.get(language, ()):
        text = text.replace(title, "")
    return {word: own for word, own in WORDS.get(language, {}).items() if word in text}
