from services.notifications.app import create
from services.notifications.settings import NotificationsSettings
from shared.service import run
from shared.settings import load

if __name__ == "__main__":
    run(create, lambda: load(NotificationsSettings).port)
