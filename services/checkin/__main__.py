from services.checkin.app import create
from services.checkin.settings import CheckinSettings
from shared.service import run
from shared.settings import load

if __name__ == "__main__":
    run(create, lambda: load(CheckinSettings).port)
